// Starts the built server as production does, and stops it: ready, one streamed answer, the k6 script,
// SIGTERM with an answer under way, exit 0.
//   npx tsx scripts/smoke.ts                        dist/ of this folder
//   npx tsx scripts/smoke.ts out/image/image.json   what scripts/replay-dockerfile.ts made
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type ChatTarget, streamChat } from '../loadtest/chat-client.ts';
import { runK6 } from '../loadtest/k6-standin.ts';
import type { Image } from './replay-dockerfile.ts';

const readyWithinMs = 60_000;
const stopWithinMs = 40_000;
const distImage: Image = {
  workdir: '.',
  env: { NODE_ENV: 'production' },
  uid: null,
  entrypoint: ['node', 'dist/main.js'],
};

async function main(imagePath: string | undefined): Promise<void> {
  const image = imagePath ? JSON.parse(readFileSync(imagePath, 'utf8')) : distImage;
  const port = await freePort();
  const server = start(image, port);
  try {
    const url = new URL(`http://127.0.0.1:${port}`);
    await untilReady(url, server);
    const target = await chatTarget(url);
    await answer('a streamed answer', target);
    await steadyLoad(target);
    // LEAVE_SECONDS keeps the door open for it: a load balancer may send requests until it notices.
    const late = answer('an answer after SIGTERM', target);
    server.kill('SIGTERM');
    await late;
    await cleanExit(server);
  } finally {
    server.kill('SIGKILL');
  }
}

function start({ workdir, env, uid, entrypoint }: Image, port: number): ChildProcess {
  const [command, ...args] = entrypoint;
  if (!command) throw new Error('the image has no ENTRYPOINT');
  const isRoot = process.getuid?.() === 0;
  return spawn(command, args, {
    cwd: workdir,
    env: { ...process.env, ...env, PORT: String(port), LEAVE_SECONDS: '1', LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'inherit', 'inherit'],
    ...(isRoot && uid !== null && { uid, gid: uid }),
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function untilReady(url: URL, server: ChildProcess): Promise<void> {
  const started = performance.now();
  while (performance.now() - started < readyWithinMs) {
    if (server.exitCode !== null) throw new Error(`the server exited with ${server.exitCode}`);
    const status = await fetch(new URL('/readyz', url)).then(
      (response) => response.status,
      () => 0, // not listening yet
    );
    if (status === 200) return say(`ready after ${Math.round(performance.now() - started)} ms`);
    await delay(50);
  }
  throw new Error(`not ready after ${readyWithinMs} ms`);
}

async function chatTarget(url: URL): Promise<ChatTarget> {
  const response = await fetch(new URL('/v1/models', url));
  const { data } = (await response.json()) as { data: { id: string }[] };
  if (!data[0]) throw new Error('the server serves no model');
  const defaults = { maxTokens: 64, thoughts: null, apiKey: null, timeoutMs: 30_000 };
  return { url, model: data[0].id, ...defaults };
}

async function answer(what: string, target: ChatTarget): Promise<void> {
  const items = JSON.parse(readFileSync('test/data/prosqa-sample.json', 'utf8'));
  const outcome = await streamChat(target, items[0].question);
  if (outcome.kind === 'failed') throw new Error(`${what}: ${outcome.error}`);
  const { thoughts, textTokens, totalMs } = outcome;
  say(`${what}: ${thoughts} thoughts, ${textTokens} text tokens in ${Math.round(totalMs)} ms`);
}

/** Slow machines must pass too: what is checked is that requests are answered, not how fast. */
async function steadyLoad({ url, model }: ChatTarget): Promise<void> {
  const environment = { TARGET: url.origin, MODEL: model, RATE: '2', DURATION: '4s' };
  const script = 'loadtest/k6/chat.ts';
  const { passed, metrics } = await runK6(script, { ...environment, TTFT_MS: '20000' });
  const count = (name: string) => metrics[name]?.values['count'] ?? 0;
  const counts = `${count('latent_thoughts')} thoughts, ${count('answer_tokens')} answer tokens`;
  say(`${script}: ${count('iterations')} requests, ${counts}`);
  if (!passed) throw new Error(`${script}: thresholds crossed: ${JSON.stringify(metrics)}`);
}

async function cleanExit(server: ChildProcess): Promise<void> {
  const exited =
    server.exitCode === null ? once(server, 'exit') : [server.exitCode, server.signalCode];
  const late = delay(stopWithinMs, 'late' as const, { ref: false });
  const result = await Promise.race([exited, late]);
  if (result === 'late') throw new Error(`still running ${stopWithinMs} ms after SIGTERM`);
  const [code, signal] = result;
  if (code !== 0) throw new Error(`exit ${code ?? signal} after SIGTERM, not 0`);
  say('exit 0 after SIGTERM');
}

const say = (line: string): void => void process.stdout.write(`smoke: ${line}\n`);

await main(process.argv[2]);
