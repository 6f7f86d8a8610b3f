// A real worker that breaks in the middle of a run, seen through the API over a real socket: every
// answer under way ends with an error, the server says that it is not ready, and then goes on.
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startEngine } from '../src/engine/engine.ts';
import {
  asEngineThread,
  type StartThread,
  startEngineThread,
} from '../src/engine/engine-thread.ts';
import { listen } from '../src/http-server.ts';
import { ask, fakeApp } from './support/fake-engine.ts';
import { longModel, longPositions } from './support/long-model.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { writeTinyCheckpoint } from './support/tiny-model.ts';

/** The first thread breaks once four requests have come; those after it are sound. */
function breakingOnce(how: 'throw' | 'exit'): StartThread {
  const breaking = new URL('support/breaking-worker.mjs', import.meta.url);
  const breaks = { requests: 4, how };
  let started = 0;
  return (options, handlers) => {
    if (started++ > 0) return startEngineThread(options, handlers);
    const worker = new Worker(breaking, { workerData: { ...options, breaks }, execArgv: [] });
    return asEngineThread(worker, handlers);
  };
}

async function serve(how: 'throw' | 'exit') {
  const checkpointDir = join(temporaryDirectory(), 'tiny');
  writeTinyCheckpoint(checkpointDir, { seed: 7, method: 'coconut', positions: longPositions });
  const sizes = { slots: 2, slotCapacity: longPositions, maxPrefillTokens: 64, threads: 1 };
  const engine = startEngine(
    { checkpointDir, ...sizes, weights: 'fp32' },
    { queueLimit: 8 },
    breakingOnce(how),
  );
  const crashes: string[] = [];
  engine.onCrash(({ message }) => crashes.push(message));
  const server = await listen(fakeApp([longModel(engine)]).app, { host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    server.destroy();
    await engine.drain();
  });
  await engine.ready();
  const post = (body: object) =>
    fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ask({ ignore_eos: true, ...body })),
    });
  const readiness = async () => {
    const response = await fetch(`${server.url}/readyz`);
    return [response.status, ((await response.json()) as { status: string }).status];
  };
  return { post, readiness, crashes };
}

it.each([
  ['throw', /the runtime broke/],
  ['exit', /ended with code 3/],
] as const)(
  'a run that ends in %s fails what is under way and nothing after it',
  async (how, message) => {
    const { post, readiness, crashes } = await serve(how);
    // Two in the slots, with thousands of tokens to go, and two in the queue.
    const plain = post({});
    const streams = [post({ stream: true }), post({ stream: true }), post({ stream: true })];
    for (const response of await Promise.all(streams)) {
      expect(response.status).toBe(200);
      const text = await response.text();
      expect(text.trimEnd().split('\n\n').at(-1)).toContain('"code":"engine_unavailable"');
      expect(text).not.toMatch(/\[DONE\]|runtime broke/);
    }
    const failed = await plain;
    expect(failed.status).toBe(503);
    expect(failed.headers.get('retry-after')).toBe('5');
    expect(failed.headers.get('x-should-retry')).toBeNull();
    expect(crashes).toEqual([expect.stringMatching(message)]);
    expect(await readiness()).toEqual([503, 'restarting']);
    expect((await post({})).status).toBe(503);
    await vi.waitFor(async () => expect(await readiness()).toEqual([200, 'ready']), 60_000);
    expect((await post({ max_tokens: 12 })).status).toBe(200);
  },
);
