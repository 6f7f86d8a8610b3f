// The trainer's command line as a process of its own, for tests that kill it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export type Ending = { code: number | null; signal: string | null; output: string };

/** `train <runFile> --out <out>`; resolves when the process has ended, however it did. */
export function startTraining(runFile: string, out: string) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'src/training/main.ts', 'train', runFile, '--out', out],
    { cwd: join(import.meta.dirname, '../..'), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data;
    });
  }
  const ended = once(child, 'exit').then(([code, signal]): Ending => ({ code, signal, output }));
  return { child, ended };
}

/** Signals as soon as the metrics have `lines` lines, and tells how the process ended. */
export async function signalAfter(
  signal: 'SIGKILL' | 'SIGTERM',
  { child, ended }: ReturnType<typeof startTraining>,
  metricsPath: string,
  lines: number,
): Promise<Ending> {
  const state = { over: false };
  const ending = ended.then((result) => {
    state.over = true;
    return result;
  });
  while (!state.over && lineCount(metricsPath) < lines) await delay(2);
  child.kill(signal);
  return ending;
}

const lineCount = (path: string): number =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;
