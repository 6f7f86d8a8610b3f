// `train`: a run file → a run directory, with a bar on the terminal and validation through the serving engine.
import { join } from 'node:path';
import cliProgress from 'cli-progress';
import type { Device } from '../onnx/device.ts';
import { openAdapter } from '../onnx/device-memory.ts';
import { evaluateCheckpoint } from './evaluate.ts';
import { withEngine } from './evaluate-command.ts';
import { writeReport } from './report.ts';
import { RunDirectory, type RunState } from './run-directory.ts';
import { totalSteps } from './schedule.ts';
import { type Progress, type TrainerHooks, type TrainOptions, train } from './trainer.ts';
import { parseTrainingConfig, readTrainingConfig, type TrainingConfig } from './training-config.ts';

/** sysexits' EX_TEMPFAIL: stopped by a signal, saved, to be gone on with. deploy/ knows it. */
const exitStopped = 75;

export async function trainCommand(
  run: string,
  options: { out: string; seed?: number; device: Device; allowSoftwareGpu?: boolean },
): Promise<void> {
  const { device, allowSoftwareGpu = false } = options;
  const read = readTrainingConfig(run);
  const config = options.seed === undefined ? read : withSeed(read, options.seed);
  const path = join(options.out, config.name);
  if (device === 'webgpu') {
    const { name } = await openAdapter(allowSoftwareGpu, 'pass --allow-software-gpu');
    console.log(`webgpu: ${name}`);
  }
  const end = await untilStopped((stop) => trainToEnd(config, path, { device, stop }));
  if (end === 'stopped') return;
  console.log(`curves: ${await writeReport(path)}`);
}

/** The same run under another seed, with a directory of its own. */
export function withSeed(config: TrainingConfig, seed: number): TrainingConfig {
  return parseTrainingConfig('--seed', { ...config, seed, name: `${config.name}-seed${seed}` });
}

/** Trains in `path`, going on from what stands there; where stopped, the exit code says so. Validates on the CPU. */
export async function trainToEnd(
  config: TrainingConfig,
  path: string,
  options: TrainOptions,
): Promise<'finished' | 'stopped'> {
  const directory = new RunDirectory(path);
  const bar = new cliProgress.SingleBar(
    {
      format:
        '{bar} {value}/{total} | {rate} ex/s | ETA {eta_formatted} | segment {segment} stage {stage} | loss {loss} | rows {rows}',
      noTTYOutput: true,
      notTTYSchedule: 10_000,
      etaBuffer: 100,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(totalSteps(config), 0, { rate: '-', segment: 0, stage: '-', loss: '-', rows: '-' });
  const onStep = ({ state, segment, stage, examplesPerSecond, result }: Progress) =>
    bar.update(state.trainStep, {
      rate: examplesPerSecond.toFixed(0),
      segment,
      stage,
      loss: result.loss.toFixed(3),
      rows: result.rowAccuracy.toFixed(2),
    });
  const state = await train(config, directory, { onStep, evaluate: validate(config) }, options);
  bar.stop();
  return tellEnd(config, state, directory);
}

function tellEnd(
  config: TrainingConfig,
  state: RunState,
  { checkpointPath }: RunDirectory,
): 'finished' | 'stopped' {
  const { trainStep, examples, seconds } = state;
  if (trainStep < totalSteps(config)) {
    console.log(`${config.name}: stopped and saved after step ${trainStep}`);
    process.exitCode = exitStopped;
    return 'stopped';
  }
  console.log(
    `${config.name}: ${trainStep} steps, ${examples} examples, ${seconds.toFixed(0)} s → ${checkpointPath}`,
  );
  return 'finished';
}

function validate({ threads }: TrainingConfig): TrainerHooks['evaluate'] {
  return async (checkpointPath, data) => {
    const { as_trained, zero_thoughts, shuffled_thoughts } = await withEngine(
      checkpointPath,
      { threads, weights: 'fp32' },
      (engine, checkpoint) =>
        evaluateCheckpoint(engine, checkpoint, data.validation, data.isCorrect),
    );
    return {
      accuracy: as_trained.accuracy,
      meanTotalTokens: as_trained.mean_total_tokens,
      ...(zero_thoughts ? { zeroThoughtsAccuracy: zero_thoughts.accuracy } : {}),
      ...(shuffled_thoughts ? { shuffledThoughtsAccuracy: shuffled_thoughts.accuracy } : {}),
    };
  };
}

const STOPPING = ['SIGTERM', 'SIGINT'] as const;

/** A signal to the whole process group comes twice where npm passes it on as well. */
const SAME_SIGNAL_MS = 1000;

/**
 * Runs `body` with a signal that SIGTERM or SIGINT aborts. Whoever signals once more does not want to wait for the
 * step's end; whoever signals when `body` is over ends the process, as ever.
 */
export async function untilStopped<T>(body: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  let firstMs = Number.NaN;
  const onSignal = () => {
    if (performance.now() - firstMs > SAME_SIGNAL_MS) process.exit(1);
    if (!stop.signal.aborted) firstMs = performance.now();
    stop.abort();
  };
  for (const signal of STOPPING) process.on(signal, onSignal);
  try {
    return await body(stop.signal);
  } finally {
    for (const signal of STOPPING) process.off(signal, onSignal);
  }
}
