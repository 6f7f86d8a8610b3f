// Sequences in a batch, against a reference that recomputes everything from scratch through the same
// step graph, and against each other, for both architectures.
import { describe, expect, it } from 'vitest';
import type { GenerationRequest } from '../../src/engine/messages.ts';
import { dimensionsOf } from '../../src/model/model-config.ts';
import { naiveAnswer } from './naive-reference.ts';
import type { Collected } from './requests.ts';
import {
  asExpected,
  deep,
  eot,
  expectSame,
  jacobi,
  midAnswerRequests,
  mixedRequests,
  short,
  tensorModel,
  thinking,
  tinyModels,
  withCoconut,
} from './tensor-loop.ts';

const mixed = [...mixedRequests, ...midAnswerRequests];

/** Those of one thought after the other, and one that refines them together in so many passes. */
const models = (iterations: number) => [
  ...tinyModels,
  {
    architecture: `gpt2 with ${iterations} parallel passes`,
    config: withCoconut({ latent_update: { ...jacobi, iterations } }),
  },
];

// With a pass for each of its thoughts they are those of one after the other.
describe.each(models(5))('one sequence of $architecture', ({ config }) => {
  const { session, answers, alone } = tensorModel(config);

  it.each(mixed.map((request, i) => ({ request, i })))(
    'answers as a model that recomputes every position: request $i',
    async ({ request }) => {
      const answer = await alone(request);
      expectSame(answer, await naiveAnswer(session(), config, request));
      expect(answer.finished.usage.thoughts).toBe(request.thoughts.count);
    },
  );

  it('does not answer the same whatever it thinks', async () => {
    const [own, none] = await answers([
      thinking,
      { ...thinking, thoughts: { kind: 'model', count: 0 } },
    ]);
    expect(own?.tokens).not.toEqual(none?.tokens);
  });

  it('thinks where it writes <bot>, once, and takes its thoughts back there', async () => {
    const [plain] = midAnswerRequests as [GenerationRequest];
    const latentEntry = { botId: 257, eotId: eot, afterLines: null, lineEndIds: [] };
    const unmarked = await alone({ ...plain, latentEntry });
    expect(unmarked.finished.usage.thoughts).toBe(0);
    // Some token that the answer comes to of itself.
    const botId = unmarked.tokens[3]!;
    const first = unmarked.tokens.indexOf(botId);
    const own = { ...plain, latentEntry: { ...latentEntry, botId } };
    const answer = await alone(own);
    expectSame(answer, await naiveAnswer(session(), config, own));
    expect(answer.tokens.slice(0, first)).toEqual(unmarked.tokens.slice(0, first));
    expect(answer.tokens).not.toContain(botId);
    expect(answer.finished.usage).toMatchObject({ promptTokens: 30, thoughts: 3 });
    const vectors = answer.finished.thoughts as Float32Array;
    const given = { kind: 'given', count: 3, vectors } as const;
    expectSame(await alone({ ...own, thoughts: given }), asExpected(answer));
  });

  it('prefills in chunks as at once', async () => {
    for (const request of mixed) {
      const [inChunks] = await answers([request], { maxPrefillTokens: 7 });
      expectSame(inChunks as Collected, asExpected(await alone(request)));
    }
  });

  it('takes its own thoughts, given back, as if it had thought them', async () => {
    const own = await alone(deep);
    const vectors = own.finished.thoughts as Float32Array;
    const given = { kind: 'given', count: 5, vectors } as const;
    const again = await alone({ ...deep, thoughts: given });
    expectSame(again, asExpected(own));
    expect(again.thoughtEvents).toEqual([0, 1, 2, 3, 4]);
    const zeros = { ...given, vectors: new Float32Array(vectors.length) };
    expect((await alone({ ...deep, thoughts: zeros })).tokens).not.toEqual(own.tokens);
  });
});

describe.each(models(2))('many sequences of $architecture', ({ config }) => {
  const { engine, answers, alone } = tensorModel(config);

  it.each([
    { slots: 6, maxPrefillTokens: 1000, stagger: 0 },
    { slots: 6, maxPrefillTokens: 1000, stagger: 2 },
    { slots: 3, maxPrefillTokens: 32, stagger: 1 },
    { slots: 2, maxPrefillTokens: 256, stagger: 3 },
  ])('answer in a batch as they do alone: $slots slots, stagger $stagger', async (setup) => {
    const together = await answers([...mixed, ...mixed], setup, setup.stagger);
    const apart: Collected[] = [];
    for (const request of mixed) apart.push(await alone(request));
    together.forEach((answer, i) => {
      expectSame(answer, asExpected(apart[i % mixed.length] as Collected));
    });
  });

  it('leave no trace in a slot', async () => {
    const running = engine({ slots: 1 });
    for (const [id, next] of [thinking, deep, thinking].entries()) {
      running.submit(id, next);
      await running.finish();
    }
    // To the last bit: shapes and order of operations are the same.
    expect(running.answerOf(2)).toEqual(running.answerOf(0));
  });

  it('go on when another is aborted, which frees its slot at once', async () => {
    const running = engine({ slots: 3 });
    running.submit(0, thinking);
    running.submit(1, short);
    running.submit(2, short);
    for (let i = 0; i < 5; i++) await running.step();
    running.loop.abort(0);
    expect(running.cache.held).toBe(2);
    await running.finish();
    expect(running.answerOf(0).finished.reason).toBe('aborted');
    const expected = asExpected(await alone(short));
    for (const id of [1, 2]) expectSame(running.answerOf(id), expected);
  });

  it('that are choices of one request answer as requests of their own would', async () => {
    const running = engine();
    running.submit(9, short);
    running.submitChoices(0, 3, thinking);
    await running.finish();
    expect(running.cache.held).toBe(0);
    const expected = asExpected(await alone(thinking));
    for (const id of [0, 1, 2]) expectSame(running.answerOf(id), expected);
  });
});

// Of GPT-2 only: RMSNorm turns what overflows into zeros.
describe('numbers that are not finite', () => {
  const { config } = tinyModels[0]!;
  const { engine, alone } = tensorModel(config);

  it('fail their own sequence and spoil no other', async () => {
    const running = engine({ slots: 2 });
    // Finite itself, so it passes the check, but its square overflows inside LayerNorm.
    const vectors = new Float32Array(dimensionsOf(config).width).fill(3e38);
    vectors[0] = -3e38;
    running.submit(0, { ...thinking, thoughts: { kind: 'given', count: 1, vectors } });
    running.submit(1, short);
    const failed: number[] = [];
    while (!running.loop.isIdle) failed.push(...(await running.step()));
    expect(failed).toEqual([0]);
    running.submit(2, short);
    running.submit(3, short);
    await running.finish();
    const expected = asExpected(await alone(short));
    for (const id of [1, 2, 3]) expectSame(running.answerOf(id), expected);
  });
});
