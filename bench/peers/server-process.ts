// The server as users start it, `node dist/main.js`, for cold starts and streams over HTTP.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export type ServerProcess = { child: ChildProcess; url: string; stop: () => Promise<void> };

/** Resolves when it listens; the model may still be loading. Rejects with its own words if it ends. */
export async function startServer(environment: Record<string, string>): Promise<ServerProcess> {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [entry], {
    env: { PATH, PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (data) => {
    complaints += data;
  });
  const exited = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { url } = JSON.parse(line) as { url?: string };
      if (url) resolve(url);
    });
    exited.then(
      ([code]) => reject(new Error(`${entry} ended with ${code}: ${complaints}`)),
      reject,
    );
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
  };
  return { child, url, stop };
}
