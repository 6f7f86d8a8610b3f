// The server as a process of its own, with its log and an OpenAI client; killed when its test ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import OpenAI from 'openai';
import { expect, onTestFinished, vi } from 'vitest';

type Environment = Record<string, string>;

/** On any free port, with nothing in its environment but what is given. */
export function launchServer(environment: Environment) {
  const { PATH } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    cwd: join(import.meta.dirname, '..', '..'),
    env: { PATH, PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  return { child, exited, complaints: () => stderr };
}

/** Launches it and waits until it is ready. */
export async function startServer(environment: Environment) {
  const { child, exited, complaints } = launchServer(environment);
  const lines: string[] = [];
  const ended = exited.then(() => Promise.reject(new Error(`exited: ${complaints()}`)));
  const listening = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      const { url } = JSON.parse(line) as { url?: string };
      if (url) resolve(url);
    });
  });
  const url = await Promise.race([listening, ended]);
  const isReady = async () => expect((await fetch(`${url}/readyz`)).status).toBe(200);
  await Promise.race([vi.waitFor(isReady, { timeout: 60_000, interval: 50 }), ended]);
  // From here on an exit is what the test looks at.
  ended.catch(() => {});
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });
  return { child, exited, url, client, lines, complaints };
}
