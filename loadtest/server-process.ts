// A server of our own as a process, for programs that measure it: as users start it, or from the sources.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** Node's arguments. */
export const builtServer: readonly string[] = ['dist/main.js'];
export const sourceServer: readonly string[] = ['--import', 'tsx', 'src/main.ts'];

export type ServerProcess = {
  child: ChildProcess;
  url: string;
  /** SIGTERM, and wait; resolves with the exit code. */
  stop: () => Promise<number | null>;
};

/** Resolves when it listens; the model may still be loading. Rejects with its own words if it ends. */
export async function startServer(
  environment: Record<string, string>,
  args: readonly string[] = builtServer,
): Promise<ServerProcess> {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, args, {
    cwd: repository,
    // Its address is a line of its log.
    env: { PATH, PORT: '0', ...environment, LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (data) => {
    complaints += data;
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { url } = JSON.parse(line) as { url?: string };
      if (url) resolve(url);
    });
    exited.then(
      ([code]) => reject(new Error(`${args.join(' ')} ended with ${code}: ${complaints}`)),
      reject,
    );
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const [code] = await exited;
    return code;
  };
  return { child, url, stop };
}
