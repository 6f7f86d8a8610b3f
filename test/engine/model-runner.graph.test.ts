// The engine's loop over real tensors, against a reference that recomputes everything from scratch
// through the same step graph. Timing plays no part: the clock stands still.
import { beforeAll, describe, expect, it } from 'vitest';
import { KvCache } from '../../src/engine/kv-cache.ts';
import type { GenerationRequest, TokenEvent } from '../../src/engine/messages.ts';
import { ModelRunner } from '../../src/engine/model-runner.ts';
import { PrefixCache } from '../../src/engine/prefix-cache.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import { StepLoop } from '../../src/engine/step-loop.ts';
import { encodeServingModel } from '../../src/model/serving-graphs.ts';
import { createSession, type Session } from '../../src/onnx/session.ts';
import { tinyConfig, tinyWeights } from '../support/tiny-model.ts';
import { naiveAnswer } from './naive-reference.ts';
import { type Collected, collect, makeRequest } from './requests.ts';

const config = tinyConfig('coconut');
const eot = 258;
let session: Session;

beforeAll(async () => {
  const { graph, bytes } = encodeServingModel(config, tinyWeights(config, 7));
  session = await createSession(graph, bytes, { threads: 1 });
});

type Setup = { slots: number; maxPrefillTokens: number; capacity: number };

function makeLoop({ slots, maxPrefillTokens, capacity }: Setup) {
  const cache = new KvCache({
    layers: config.n_layer,
    heads: config.n_head,
    headSize: config.n_embd / config.n_head,
    slots,
    capacity,
  });
  const runner = new ModelRunner(config, session, cache, new PrefixCache(2 ** 20));
  const loop = new StepLoop(runner, { slots, maxPrefillTokens }, () => 0);
  const events = new Map<number, TokenEvent[]>();
  const step = async () => {
    const outcome = await loop.step();
    expect(outcome?.failures ?? []).toEqual([]);
    for (const { id, event } of outcome?.events ?? []) {
      events.set(id, [...(events.get(id) ?? []), event]);
    }
  };
  const submit = (id: number, request: GenerationRequest) =>
    loop.submit(new Sequence(id, request, 0));
  return { loop, cache, events, step, submit };
}

/** Submits request i before step i · stagger, and runs to the end. */
async function answers(
  requests: readonly GenerationRequest[],
  setup: Partial<Setup> = {},
  stagger = 0,
): Promise<Collected[]> {
  const engine = makeLoop({ slots: 4, maxPrefillTokens: 256, capacity: 256, ...setup });
  let submitted = 0;
  for (let at = 0; submitted < requests.length || !engine.loop.isIdle; at++) {
    for (; submitted < requests.length && submitted * stagger <= at; submitted++) {
      engine.submit(submitted, requests[submitted] as GenerationRequest);
    }
    await engine.step();
  }
  expect(engine.cache.held).toBe(0);
  return requests.map((_, id) => collect(engine.events.get(id) ?? []));
}

const prompt = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => (i * 37 + seed * 101 + ((i * i) % 13)) % 256);

/** Prompts of 3 to 150 tokens, 0 to 5 thoughts, answers of 1 to 30 tokens. */
const mixed = [
  [3, 0, 12],
  [40, 3, 30],
  [150, 5, 20],
  [61, 1, 1],
  [64, 2, 9],
  [17, 4, 16],
].map(([length, count, maxTokens], i) =>
  makeRequest({
    promptIds: prompt(length as number, i),
    thoughts: { kind: 'model', count: count as number },
    suffixIds: [eot],
    maxTokens: maxTokens as number,
    returnThoughts: true,
  }),
);

function expectSame(
  actual: Collected,
  expected: Pick<Collected, 'tokens'> & { thoughts: number[] },
) {
  expect(actual.tokens).toEqual(expected.tokens);
  const thoughts = [...(actual.finished.thoughts ?? [])];
  expect(thoughts.length).toBe(expected.thoughts.length);
  thoughts.forEach((value, i) => {
    expect(value).toBeCloseTo(expected.thoughts[i] as number, 4);
  });
}

const asExpected = ({ tokens, finished }: Collected) => ({
  tokens,
  thoughts: [...(finished.thoughts ?? [])],
});

describe('one sequence', () => {
  it.each(mixed.map((request, i) => ({ request, i })))(
    'answers as a model that recomputes every position: request $i',
    async ({ request }) => {
      const [answer] = await answers([request]);
      expectSame(answer as Collected, await naiveAnswer(session, config, request));
      expect(answer?.finished.usage.thoughts).toBe(request.thoughts.count);
    },
  );

  it('does not answer the same whatever it thinks', async () => {
    const request = mixed[1] as GenerationRequest;
    const [own, none] = await answers([
      request,
      { ...request, thoughts: { kind: 'model', count: 0 } },
    ]);
    expect(own?.tokens).not.toEqual(none?.tokens);
  });

  it('prefills in chunks as at once', async () => {
    for (const request of mixed) {
      const [atOnce] = await answers([request]);
      const [inChunks] = await answers([request], { maxPrefillTokens: 7 });
      expectSame(inChunks as Collected, asExpected(atOnce as Collected));
    }
  });

  it('takes its own thoughts, given back, as if it had thought them', async () => {
    const request = mixed[2] as GenerationRequest;
    const [own] = await answers([request]);
    const vectors = own?.finished.thoughts as Float32Array;
    const given = { kind: 'given', count: 5, vectors } as const;
    const [again] = await answers([{ ...request, thoughts: given }]);
    expectSame(again as Collected, asExpected(own as Collected));
    expect(again?.thoughtEvents).toEqual([0, 1, 2, 3, 4]);
    const zeros = { ...given, vectors: new Float32Array(vectors.length) };
    const [other] = await answers([{ ...request, thoughts: zeros }]);
    expect(other?.tokens).not.toEqual(own?.tokens);
  });
});

describe('many sequences', () => {
  it.each([
    { slots: 6, maxPrefillTokens: 1000, stagger: 0 },
    { slots: 6, maxPrefillTokens: 1000, stagger: 2 },
    { slots: 3, maxPrefillTokens: 32, stagger: 1 },
    { slots: 2, maxPrefillTokens: 256, stagger: 3 },
  ])('answer in a batch as they do alone: $slots slots, stagger $stagger', async (setup) => {
    const together = await answers([...mixed, ...mixed], setup, setup.stagger);
    const alone: Collected[] = [];
    for (const request of mixed) alone.push((await answers([request]))[0] as Collected);
    together.forEach((answer, i) => {
      expectSame(answer, asExpected(alone[i % mixed.length] as Collected));
    });
  });

  it('leave no trace in a slot', async () => {
    const engine = makeLoop({ slots: 1, maxPrefillTokens: 256, capacity: 256 });
    const request = mixed[1] as GenerationRequest;
    for (const [id, next] of [request, mixed[2] as GenerationRequest, request].entries()) {
      engine.submit(id, next);
      while (!engine.loop.isIdle) await engine.step();
    }
    // To the last bit: shapes and order of operations are the same.
    expect(collect(engine.events.get(2) ?? [])).toEqual(collect(engine.events.get(0) ?? []));
  });

  it('go on when another is aborted, which frees its slot at once', async () => {
    const engine = makeLoop({ slots: 3, maxPrefillTokens: 256, capacity: 256 });
    const [first, second] = [mixed[1], mixed[5]] as [GenerationRequest, GenerationRequest];
    engine.submit(0, first);
    engine.submit(1, second);
    engine.submit(2, second);
    for (let i = 0; i < 5; i++) await engine.step();
    engine.loop.abort(0);
    expect(engine.cache.held).toBe(2);
    while (!engine.loop.isIdle) await engine.step();
    expect(collect(engine.events.get(0) ?? []).finished.reason).toBe('aborted');
    const [alone] = await answers([second]);
    expectSame(collect(engine.events.get(1) ?? []), asExpected(alone as Collected));
    expectSame(collect(engine.events.get(2) ?? []), asExpected(alone as Collected));
  });
});

describe('choices', () => {
  it('answer as requests of their own would, on one prompt and one set of thoughts', async () => {
    const engine = makeLoop({ slots: 4, maxPrefillTokens: 256, capacity: 256 });
    const request = mixed[1] as GenerationRequest;
    engine.submit(9, mixed[5] as GenerationRequest);
    for (const id of [0, 1, 2]) engine.loop.submit(new Sequence(id, request, 0, 0));
    while (!engine.loop.isIdle) await engine.step();
    expect(engine.cache.held).toBe(0);
    const [alone] = await answers([request]);
    for (const id of [0, 1, 2]) {
      expectSame(collect(engine.events.get(id) ?? []), asExpected(alone as Collected));
    }
  });
});

describe('a trace', () => {
  it('changes nothing, and reads each thought through the LM head', async () => {
    const engine = makeLoop({ slots: 2, maxPrefillTokens: 256, capacity: 256 });
    const request = mixed[1] as GenerationRequest;
    engine.submit(0, { ...request, traceWords: 3 });
    engine.submit(1, mixed[5] as GenerationRequest);
    while (!engine.loop.isIdle) await engine.step();
    const events = engine.events.get(0) ?? [];
    const [alone] = await answers([request]);
    expectSame(collect(events), asExpected(alone as Collected));
    const thoughts = alone?.finished.thoughts as Float32Array;
    const traces = events.flatMap((event) => (event.kind === 'thought' ? event.trace : []));
    expect(traces).toHaveLength(3);
    traces.forEach((trace, k) => {
      const thought = thoughts.subarray(k * config.n_embd, (k + 1) * config.n_embd);
      expect(trace?.norm).toBeCloseTo(Math.hypot(...thought), 3);
      const logits = headLogits(thought);
      const best = logits.indexOf(Math.max(...logits));
      expect(trace?.words[0]?.tokenId).toBe(best);
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit - logits[best]!), 0);
      expect(trace?.words[0]?.probability).toBeCloseTo(1 / total, 4);
    });
  });
});

/** The tied LM head, by hand. */
function headLogits(thought: Float32Array): number[] {
  const words = tinyWeights(config, 7).get('transformer.wte.weight') as Float32Array;
  return Array.from({ length: config.vocab_size }, (_, id) =>
    thought.reduce((sum, value, d) => sum + value * words[id * config.n_embd + d]!, 0),
  );
}

describe('numbers that are not finite', () => {
  it('fail their own sequence and spoil no other', async () => {
    const engine = makeLoop({ slots: 2, maxPrefillTokens: 256, capacity: 256 });
    const [poisoned, healthy] = [mixed[1], mixed[5]] as [GenerationRequest, GenerationRequest];
    // Finite itself, so it passes the check, but its square overflows inside LayerNorm.
    const vectors = new Float32Array(config.n_embd).fill(3e38);
    vectors[0] = -3e38;
    engine.submit(0, { ...poisoned, thoughts: { kind: 'given', count: 1, vectors } });
    engine.submit(1, healthy);
    const failed: number[] = [];
    while (!engine.loop.isIdle) {
      const outcome = await engine.loop.step();
      failed.push(...(outcome?.failures ?? []).map(({ id }) => id));
      for (const { id, event } of outcome?.events ?? []) {
        engine.events.set(id, [...(engine.events.get(id) ?? []), event]);
      }
    }
    expect(failed).toEqual([0]);
    engine.submit(2, healthy);
    engine.submit(3, healthy);
    while (!engine.loop.isIdle) await engine.step();
    const [alone] = await answers([healthy]);
    for (const id of [1, 2, 3]) {
      expectSame(collect(engine.events.get(id) ?? []), asExpected(alone as Collected));
    }
  });
});

describe('the prefix cache', () => {
  const cached = makeRequest({
    promptIds: prompt(40, 3),
    thoughts: { kind: 'model', count: 3 },
    suffixIds: [eot],
    maxTokens: 12,
    cacheScope: 'a',
  });
  const within = (count: number): GenerationRequest => ({
    ...cached,
    thoughts: { kind: 'model', count },
  });
  const longer = { ...within(3), promptIds: [...prompt(25, 3), ...prompt(30, 9)] };

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
    const engine = makeLoop({ slots: 2, maxPrefillTokens: 256, capacity: 256 });
    const [alone] = await answers([request]);
    engine.submit(0, cached);
    while (!engine.loop.isIdle) await engine.step();
    engine.submit(1, request);
    while (!engine.loop.isIdle) await engine.step();
    const warm = collect(engine.events.get(1) ?? []);
    expect(warm.tokens).toEqual(alone?.tokens);
    expect(warm.thoughtEvents).toEqual(alone?.thoughtEvents);
    const { cachedTokens, ...usage } = warm.finished.usage;
    expect(alone?.finished.usage).toEqual({ ...usage, cachedTokens: 0 });
    expect(cachedTokens).toBeGreaterThanOrEqual(Math.max(0, least - 1));
    expect(cachedTokens).toBeLessThanOrEqual(least);
    expect(engine.cache.held).toBe(0);
  });
});
