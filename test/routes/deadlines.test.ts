// The time limits of a request: the server's, and the timeout that OpenAI's clients send.
import { expect, it } from 'vitest';
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
  expect(engine.requests).toMatchObject([{ queueDeadlineMs, deadlineMs: 90_000 }]);
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
