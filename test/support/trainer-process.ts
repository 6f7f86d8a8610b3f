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

/** Kills (SIGKILL) as soon as the metrics have `lines` lines; fails where the run ends before. */
export async function killAfter(
  { child, ended }: ReturnType<typeof startTraining>,
  metricsPath: string,
  lines: number,
): Promise<void> {
  const state = { over: false };
  const ending = ended.then((result) => {
    state.over = true;
    return result;
  });
  while (!state.over && lineCount(metricsPath) < lines) await delay(2);
  child.kill('SIGKILL');
  const { signal, output } = await ending;
  if (signal !== 'SIGKILL') throw new Error(`the run ended before ${lines} steps: ${output}`);
}

const lineCount = (path: string): number =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;
