// Keys, values and thoughts that an earlier request left behind, over real tensors: the text must be
// the one that is computed afresh.
import { describe, expect, it } from 'vitest';
import type { GenerationRequest } from '../../src/engine/messages.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import { makeRequest } from './requests.ts';
import { eot, jacobi, promptOf, tensorModel, tinyModels, withCoconut } from './tensor-loop.ts';

const cached = makeRequest({
  promptIds: promptOf(40, 3),
  thoughts: { kind: 'model', count: 3 },
  suffixIds: [eot],
  maxTokens: 12,
  cacheScope: 'a',
});
const within = (count: number): GenerationRequest => ({
  ...cached,
  thoughts: { kind: 'model', count },
});
const longer = { ...cached, promptIds: [...promptOf(25, 3), ...promptOf(30, 9)] };

describe.each(tinyModels)('the prefix cache of $architecture', ({ config }) => {
  const { engine, alone } = tensorModel(config);

  // Thoughts that were kept are gone on from, cut short, or left aside with the prompt they follow.
  it.each([
    ['the same request', cached, 41],
    ['more thoughts', within(5), 40],
    ['fewer thoughts', within(2), 40],
    ['none', within(0), 40],
    ['another end of the prompt', longer, 25],
    ['another scope', { ...cached, cacheScope: 'b' }, 0],
    ['no scope', makeRequest({ ...cached, cacheScope: undefined as never }), 0],
  ])('gives the text that is computed afresh: %s', async (_, request, least) => {
    const running = engine({ slots: 2 });
    const fresh = await alone(request);
    running.submit(0, cached);
    await running.finish();
    running.submit(1, request);
    await running.finish();
    const warm = running.answerOf(1);
    expect(warm.tokens).toEqual(fresh.tokens);
    expect(warm.thoughtEvents).toEqual(fresh.thoughtEvents);
    const { cachedTokens, ...usage } = warm.finished.usage;
    expect(fresh.finished.usage).toEqual({ ...usage, cachedTokens: 0 });
    expect(cachedTokens).toBeGreaterThanOrEqual(Math.max(0, least - 1));
    expect(cachedTokens).toBeLessThanOrEqual(least);
    expect(running.cache.held).toBe(0);
  });

  it.each([
    ['all of its thoughts', cached],
    ['some of its thoughts', within(5)],
    ['its prompt', within(0)],
  ])('serves every choice of a request that finds %s', async (_, request) => {
    const running = engine();
    running.submit(0, cached);
    await running.finish();
    running.submitChoices(1, 3, { ...request, returnThoughts: true });
    await running.finish();
    const fresh = await alone({ ...request, returnThoughts: true });
    const [first, ...others] = [1, 2, 3].map((id) => running.answerOf(id));
    expect(first?.finished.usage.cachedTokens).toBeGreaterThanOrEqual(39);
    for (const other of others) expect(other.finished).toEqual(first?.finished);
    for (const { tokens, thoughtEvents, finished } of [first!, ...others]) {
      expect(tokens).toEqual(fresh.tokens);
      expect(thoughtEvents).toEqual(fresh.thoughtEvents);
      expect(finished.thoughts?.length).toBe(fresh.finished.thoughts?.length);
    }
    expect(running.cache.held).toBe(0);
  });

  it('serves the choice that takes over when the first is aborted in its thoughts', async () => {
    const running = engine();
    running.submitChoices(0, 2, within(5));
    await running.step();
    await running.step();
    running.loop.abort(0);
    await running.finish();
    expect(running.answerOf(0).thoughtEvents.length).toBeGreaterThan(0);
    const { tokens, finished } = running.answerOf(1);
    expect(tokens).toEqual((await alone(within(5))).tokens);
    // What the first had computed is not computed again.
    expect(finished.usage.cachedTokens).toBeGreaterThanOrEqual(39);
  });
});

const stopping = (stopProbability: number): GenerationRequest => ({
  ...cached,
  thoughts: { kind: 'model', count: 5, stopProbability },
});
const converging = (stopCosine: number): GenerationRequest => ({
  ...cached,
  thoughts: { kind: 'model', count: 5, stopCosine },
});

describe.each([
  {
    name: 'may end their thoughts early',
    config: withCoconut({ stop_head: true }),
    requests: [stopping(0.01), stopping(1), converging(-1), converging(1), within(5)],
  },
  {
    name: 'refine them together',
    config: withCoconut({ latent_update: jacobi }),
    requests: [cached, within(5), within(1), within(0)],
  },
  {
    name: 'are traced',
    config: withCoconut({}),
    requests: [{ ...cached, traceWords: 2 }, { ...within(5), traceWords: 1 }, within(5)],
  },
])('the prefix cache of requests that $name', ({ config, requests }) => {
  const { engine, alone } = tensorModel(config);
  const pairs = requests.flatMap((before) => requests.map((after) => ({ before, after })));

  it.each(pairs)('gives the prompt after each other: pair %#', async ({ before, after }) => {
    const running = engine({ slots: 2 });
    running.submit(0, before);
    await running.finish();
    running.submit(1, { ...after, returnThoughts: true });
    await running.finish();
    const [warm, fresh] = [running.answerOf(1), await alone({ ...after, returnThoughts: true })];
    expect(warm.tokens).toEqual(fresh.tokens);
    expect(warm.thoughtEvents).toEqual(fresh.thoughtEvents);
    const { cachedTokens, ...usage } = warm.finished.usage;
    expect(fresh.finished.usage).toEqual({ ...usage, cachedTokens: 0 });
    expect(cachedTokens).toBeGreaterThanOrEqual(cached.promptIds.length - 1);
    expect(warm.finished.thoughts?.length).toBe(fresh.finished.thoughts?.length);
    warm.finished.thoughts?.forEach((value, i) => {
      expect(value).toBeCloseTo(fresh.finished.thoughts?.[i] as number, 4);
    });
    expect(running.cache.held).toBe(0);
  });
});

it('neither takes from the prefix cache nor leaves there what a control spoils', async () => {
  // The sequence says so: whoever feeds it asks for its scope.
  const spoilt = { ...cached, thoughts: { kind: 'model', count: 3, control: 'zero' } } as const;
  expect(new Sequence(0, spoilt, 0).cacheScope).toBeUndefined();
  expect(new Sequence(0, cached, 0).cacheScope).toBe('a');
});
