// Several runs at once, a thread each. On a GPU, where a small model's step is mostly launches, one process's threads
// overlap where several processes take turns (docs/decisions/0031).
import type { Worker } from 'node:worker_threads';
import type { Device } from '../onnx/device.ts';
import { startWorker } from '../start-worker.ts';
import { manyBars, type RunBar, type RunFigures } from './progress-bars.ts';
import { writeReport } from './report.ts';
import type { TrainingConfig } from './training-config.ts';
import { exitStopped, untilStopped } from './until-stopped.ts';

export type Run = { config: TrainingConfig; path: string };

/** What a thread is started with. */
export type RunOrder = Run & { device: Device };

export type FromRun =
  | { kind: 'begin'; totalSteps: number }
  | { kind: 'update'; trainStep: number; figures: RunFigures }
  | { kind: 'end'; end: 'finished' | 'stopped' };

/**
 * Trains all of them, `atOnce` at a time in the order given. One that fails leaves the others alone; the exit code tells
 * of it in the end, or that they were stopped: each is saved then.
 */
export async function trainMany(
  runs: readonly Run[],
  { device, atOnce }: { device: Device; atOnce: number },
): Promise<void> {
  const bars = manyBars();
  const waiting = [...runs];
  const failures: string[] = [];
  const lane = async (stop: AbortSignal): Promise<void> => {
    for (let run = waiting.shift(); run && !stop.aborted; run = waiting.shift()) {
      const { name } = run.config;
      await inThread({ ...run, device }, bars.add(name), stop).catch((error: Error) => {
        failures.push(`${name}: ${error.message}`);
      });
    }
  };
  const stopped = await untilStopped(async (stop) => {
    await Promise.all(Array.from({ length: atOnce }, () => lane(stop)));
    return stop.aborted;
  });
  bars.stop();
  for (const failure of failures) console.error(failure);
  if (stopped) process.exitCode = exitStopped;
  if (failures.length > 0) process.exitCode = 1;
}

/** @throws what ended the thread before its run did */
async function inThread(order: RunOrder, bar: RunBar, stop: AbortSignal): Promise<void> {
  const worker = startWorker('training/train-thread', order);
  const passOn = () => worker.postMessage('stop');
  stop.addEventListener('abort', passOn);
  if (stop.aborted) passOn();
  try {
    if ((await endOf(worker, bar)) === 'finished')
      console.log(`curves: ${await writeReport(order.path)}`);
  } finally {
    stop.removeEventListener('abort', passOn);
  }
}

function endOf(worker: Worker, bar: RunBar): Promise<'finished' | 'stopped'> {
  return new Promise((resolve, reject) => {
    let end: 'finished' | 'stopped' | null = null;
    worker.on('message', (message: FromRun) => {
      if (message.kind === 'begin') bar.begin(message.totalSteps);
      else if (message.kind === 'update') bar.update(message.trainStep, message.figures);
      else end = message.end;
    });
    worker.on('error', reject);
    worker.on('exit', (code) => {
      bar.end();
      if (end === null) reject(new Error(`its thread ended with code ${code}`));
      else resolve(end);
    });
  });
}
