// The time limits of a request: the server's, and the timeout that OpenAI's clients send.
import { describe, expect, it, vi } from 'vitest';
import type { Asker } from '../../src/engine/compilations.ts';
import type { TokenEvent } from '../../src/engine/messages.ts';
import { ask, errorOf, FakeEngine, fakeApp, fakeModel, postChat } from '../support/fake-engine.ts';

const limits = { queueTimeoutMs: 30_000, requestTimeoutMs: 90_000 };

it.each([
  [{}, 30_000],
  [{ 'x-stainless-timeout': '5' }, 5000],
  [{ 'x-stainless-read-timeout': '2.5' }, 2500],
  [{ 'x-stainless-timeout': '600' }, 30_000],
  [{ 'x-stainless-timeout': 'NaN' }, 30_000],
  [{ 'x-stainless-timeout': '-1' }, 30_000],
])('%j: waits %i ms at most', async (headers, queueDeadlineMs) => {
  const engine = new FakeEngine({ text: 'Yes.' });
  const { app } = fakeApp([fakeModel(engine)], limits);
  expect((await postChat(app, ask(), headers)).status).toBe(200);
  const [request] = engine.requests;
  // What has passed since the request came is taken off.
  expect(request?.queueDeadlineMs).toBeLessThan(queueDeadlineMs);
  expect(request?.queueDeadlineMs).toBeGreaterThan(queueDeadlineMs - 2000);
  expect(request?.deadlineMs).toBeLessThan(90_000);
  expect(request?.deadlineMs).toBeGreaterThan(88_000);
});

describe('while a format is compiled', () => {
  const response_format = { type: 'json_object' };

  /** Compiles for ever, until whoever waits leaves. */
  function endlessApp(rest: Parameters<typeof fakeApp>[2] = {}) {
    const engine = new FakeEngine({ text: '{}' });
    const askers: Asker[] = [];
    engine.compile = (_, asker) => {
      askers.push(asker);
      return new Promise((_, reject) => {
        asker.signal.addEventListener('abort', () => reject(asker.signal.reason));
        if (asker.signal.aborted) reject(asker.signal.reason);
      });
    };
    return { ...fakeApp([fakeModel(engine)], limits, rest), engine, askers };
  }

  it('the client’s timeout passes', async () => {
    const { app, engine } = endlessApp();
    const headers = { 'x-stainless-timeout': '0.05' };
    const response = await postChat(app, ask({ response_format }), headers);
    expect(response.status).toBe(503);
    expect(await errorOf(response)).toMatchObject({
      code: 'deadline_exceeded',
      message: expect.stringMatching(/after \d{2,4} ms and 0 text tokens/),
    });
    expect(engine.requests).toEqual([]);
  });

  it.each(['/v1/chat/completions', '/v1/responses'])('the client may leave: %s', async (path) => {
    const { app, askers } = endlessApp();
    const controller = new AbortController();
    const ofResponses = { input: 'a', text: { format: response_format } };
    const body = path.endsWith('responses')
      ? { model: 'fake/coconut', ...ofResponses }
      : ask({ response_format });
    const response = app.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: controller.signal,
    });
    await vi.waitFor(() => expect(askers).toHaveLength(1));
    expect(askers[0]?.signal.aborted).toBe(false);
    controller.abort();
    expect(askers[0]?.signal.aborted).toBe(true);
    expect(await errorOf(response)).toMatchObject({ code: 'request_aborted' });
  });

  it('the process may be about to exit', async () => {
    const cutoff = new AbortController();
    cutoff.abort();
    const { app } = endlessApp({ cutoff: cutoff.signal });
    const response = await postChat(app, ask({ response_format }));
    expect(await errorOf(response)).toMatchObject({ code: 'request_aborted' });
  });
});

it('answers a request that expired with 503, and a hint to come back', async () => {
  const engine = new FakeEngine();
  const timings = { queueMs: 9, prefillMs: 0, latentMs: 0, decodeMs: 0 };
  engine.submit = async function* (): AsyncGenerator<TokenEvent> {
    const usage = { promptTokens: 4, cachedTokens: 0, thoughts: 0, answerTokens: 0 };
    yield { kind: 'finished', reason: 'expired', usage, timings, thoughts: null };
  };
  const { app } = fakeApp([fakeModel(engine)], limits);
  const response = await postChat(app, ask());
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('5');
  expect(await errorOf(response)).toMatchObject({
    code: 'deadline_exceeded',
    message: expect.stringMatching(/after \d+ ms and 0 text tokens/),
  });
});
