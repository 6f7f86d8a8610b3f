import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ChatTarget, streamChat } from '../../loadtest/chat-client.ts';
import { type HttpServer, listen } from '../../src/http-server.ts';
import { FakeEngine, fakeApp, type ScriptStep } from '../support/fake-engine.ts';
import { longModel } from '../support/long-model.ts';

const servers: HttpServer[] = [];
afterAll(() => {
  for (const server of servers) server.destroy();
});

async function target(script: ScriptStep, extra: Partial<ChatTarget> = {}): Promise<ChatTarget> {
  const { app } = fakeApp([longModel(new FakeEngine(script))]);
  const server = await listen(app, { host: '127.0.0.1', port: 0 });
  servers.push(server);
  return { ...settings, url: new URL(server.url), ...extra };
}

const settings = {
  model: 'fake/coconut',
  maxTokens: 64,
  thoughts: null,
  apiKey: null,
  timeoutMs: 5000,
};

/** A server that answers anything with one stream. */
async function streaming(text: string): Promise<ChatTarget> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { ...settings, url: new URL(`http://127.0.0.1:${port}`) };
}

describe('streamChat', () => {
  it('counts thoughts and text tokens as the server does', async () => {
    const outcome = await streamChat(await target({ text: 'Tom is a cat.' }, { thoughts: 4 }), '?');
    expect(outcome).toMatchObject({ kind: 'answered', thoughts: 4, textTokens: 13, latentMs: 3 });
    if (outcome.kind === 'failed') throw new Error(outcome.error);
    expect(outcome.firstTextMs).toBeGreaterThan(0);
    expect(outcome.lastTextMs).toBeGreaterThan(outcome.firstTextMs);
    expect(outcome.totalMs).toBeGreaterThanOrEqual(outcome.lastTextMs);
  });

  it('a refusal is a failure with its status', async () => {
    const refused = await target({ text: 'x' }, { model: 'other' });
    expect(await streamChat(refused, '?')).toMatchObject({ kind: 'failed', error: 'status 404' });
  });

  it('an error inside the stream is a failure with its code', async () => {
    const failing = await target({ fail: new Error('broken') });
    expect(await streamChat(failing, '?')).toMatchObject({ error: 'server_error' });
  });

  it('a silent server is a timeout', async () => {
    const silent = await target({ hang: true }, { timeoutMs: 100 });
    expect(await streamChat(silent, '?')).toMatchObject({ kind: 'failed', error: 'timeout' });
  });

  it('nobody there is a failure with its reason', async () => {
    const nobody = { ...settings, url: new URL('http://127.0.0.1:1') };
    expect((await streamChat(nobody, '?')).kind).toBe('failed');
  });

  it.each([
    ['data: {"choices": [{"delta": {"content": "a"}}]}\n\n', 'stream ended without [DONE]'],
    ['data: [DONE]\n\n', 'no text'],
    ['data: {"choices": [{"delta": {"content": "a"}}]}\n\ndata: [DONE]\n\n', 'no usage'],
  ])('a stream of %j is no answer', async (text, error) => {
    expect(await streamChat(await streaming(text), '?')).toMatchObject({ kind: 'failed', error });
  });
});
