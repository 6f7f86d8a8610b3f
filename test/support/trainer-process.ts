// The trainer's command line as a process of its own, for tests that kill it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export type Ending = { code: number | null; signal: string | null; output: string };

const direct = [process.execPath, '--import', 'tsx', 'src/training/main.ts', 'train'];
const throughNpm = ['npm', 'run', 'train', '--'];

/** `train <runFile> --out <out> <flags>`; `ended` resolves when the process has ended, however it did. */
export function startTraining(
  runFile: string,
  out: string,
  { by = 'node', flags = [] }: { by?: 'node' | 'npm'; flags?: readonly string[] } = {},
) {
  const [command, ...args] = by === 'npm' ? throughNpm : direct;
  const child = spawn(command!, [...args, runFile, '--out', out, ...flags], {
    cwd: join(import.meta.dirname, '../..'),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: by === 'npm', // a process group of its own
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data;
    });
  }
  // Not 'exit': npm may be gone before the trainer that it started.
  const ended = once(child, 'close').then(([code, signal]): Ending => ({ code, signal, output }));
  return { child, ended };
}

/** Signals, by `send` if given, as soon as the metrics have `lines` lines, and tells how the process ended. */
export async function signalAfter(
  signal: 'SIGKILL' | 'SIGTERM',
  { child, ended }: ReturnType<typeof startTraining>,
  metricsPath: string,
  lines: number,
  send: () => void = () => child.kill(signal),
): Promise<Ending> {
  const state = { over: false };
  const ending = ended.then((result) => {
    state.over = true;
    return result;
  });
  while (!state.over && lineCount(metricsPath) < lines) await delay(2);
  send();
  return ending;
}

const lineCount = (path: string): number =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;
