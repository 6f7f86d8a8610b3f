// Log probabilities of a prompt's own tokens: against a reference that recomputes every position from scratch, and
// against PyTorch; however the prompt is cut into chunks and whoever else is in the batch.
import { describe, expect, it } from 'vitest';
import { tokenLogprobs } from '../../src/engine/logprobs.ts';
import type { GenerationRequest, ScoredToken } from '../../src/engine/messages.ts';
import { goldenArchitectures, goldenModel, readGolden } from '../support/golden.ts';
import { lastPosition } from './naive-reference.ts';
import { makeRequest } from './requests.ts';
import { eot, mixedRequests, promptOf, tensorModel, tinyModels } from './tensor-loop.ts';

const top = 3;
const scored = (length: number, seed: number): GenerationRequest =>
  makeRequest({ promptIds: promptOf(length, seed), maxTokens: 0, promptLogprobs: top });

function expectScores(actual: readonly ScoredToken[], expected: readonly ScoredToken[]): void {
  const idsOf = (scores: readonly ScoredToken[]) =>
    scores.map(({ tokenId, logprobs }) => [tokenId, logprobs?.top.map((likely) => likely.tokenId)]);
  expect(idsOf(actual)).toEqual(idsOf(expected));
  actual.forEach(({ logprobs }, i) => {
    const numbers = [logprobs, ...(logprobs?.top ?? [])].map((entry) => entry?.logprob ?? 0);
    const right = expected[i]!.logprobs;
    [right, ...(right?.top ?? [])].forEach((entry, j) => {
      expect(numbers[j]).toBeCloseTo(entry?.logprob ?? 0, 4);
    });
  });
}

describe.each(tinyModels)('a prompt of $architecture', ({ config }) => {
  const { session, engine, answers, alone } = tensorModel(config);

  async function naiveScores({ promptIds }: GenerationRequest): Promise<ScoredToken[]> {
    const scores: ScoredToken[] = [{ tokenId: promptIds[0]!, logprobs: null }];
    for (let at = 1; at < promptIds.length; at++) {
      const { logits } = await lastPosition(session(), config, promptIds.slice(0, at));
      const tokenId = promptIds[at]!;
      scores.push({ tokenId, logprobs: tokenLogprobs(logits, tokenId, top) });
    }
    return scores;
  }

  it.each([1, 2, 61, 100])('of %i tokens is scored, cut into chunks or not', async (length) => {
    const request = scored(length, length);
    const expected = await naiveScores(request);
    for (const maxPrefillTokens of [256, 20, 7, 1]) {
      const [answer] = await answers([request], { maxPrefillTokens });
      expectScores(answer!.scores, expected);
      expect(answer!.tokens).toEqual([]);
      expect(answer!.finished).toMatchObject({ reason: 'length', usage: { answerTokens: 0 } });
    }
  });

  it.each([
    { slots: 8, maxPrefillTokens: 1000, stagger: 0 },
    { slots: 3, maxPrefillTokens: 32, stagger: 2 },
  ])('is scored in a batch as it is alone: $slots slots, stagger $stagger', async (setup) => {
    const requests = [scored(90, 1), mixedRequests[1]!, scored(7, 2), scored(33, 3)];
    const together = await answers([...requests, ...mixedRequests], setup, setup.stagger);
    for (const [i, request] of requests.entries()) {
      const apart = await alone(request);
      expectScores(together[i]!.scores, apart.scores);
      expect(together[i]!.tokens).toEqual(apart.tokens);
    }
  });

  it('that is answered as well has both, thoughts between them, and the answer of an unscored one', async () => {
    for (const request of mixedRequests) {
      const { scores, tokens } = await alone({ ...request, promptLogprobs: top });
      expect(tokens).toEqual((await alone(request)).tokens);
      expectScores(scores, (await alone({ ...request, promptLogprobs: top, maxTokens: 0 })).scores);
      expect(scores.map(({ tokenId }) => tokenId)).toEqual(request.promptIds);
    }
  });

  it('that is followed by a stop id tells of it at the end, where log probabilities are asked for', async () => {
    const request = { ...scored(30, 6), maxTokens: 1, logprobs: 0 };
    const { tokens } = await alone(request);
    const stopped = await alone({ ...request, stopIds: tokens });
    expect(stopped.tokens).toEqual([]);
    expect(stopped.finished).toMatchObject({ reason: 'stop', usage: { answerTokens: 0 } });
    const { logits } = await lastPosition(session(), config, request.promptIds);
    const [tokenId] = tokens as [number];
    expectScores(
      [stopped.finished.stopToken!],
      [{ tokenId, logprobs: tokenLogprobs(logits, tokenId, 0) }],
    );
  });

  it('is scored once for all choices, which are all told', async () => {
    const request = { ...scored(50, 4), maxTokens: 3, suffixIds: [eot] };
    const running = engine({ maxPrefillTokens: 16 });
    running.submitChoices(0, 3, request);
    await running.finish();
    const expected = (await alone(request)).scores;
    for (const id of [0, 1, 2]) expectScores(running.answerOf(id).scores, expected);
  });

  it('is scored anew where the prefix cache has it, and leaves its keys and values to others', async () => {
    const running = engine();
    const plain = makeRequest({ promptIds: promptOf(40, 5), maxTokens: 0, cacheScope: 'a' });
    const request = { ...plain, promptLogprobs: top };
    for (const [id, next] of [request, request, plain].entries()) {
      running.submit(id, next);
      await running.finish();
    }
    const [first, second, unscored] = [0, 1, 2].map((id) => running.answerOf(id));
    expectScores(second!.scores, first!.scores);
    expect(second!.finished.usage.cachedTokens).toBe(0);
    expect(unscored!.finished.usage.cachedTokens).toBe(39);
  });
});

describe.each(goldenArchitectures)('PyTorch’s logits of %s', (architecture) => {
  const { config, weights } = goldenModel(architecture);
  const { alone } = tensorModel(config, weights);

  it.each(readGolden(architecture, 0).items)('give the same scores: item %#', async (item) => {
    const { question, tail, logits } = item;
    const promptIds = [...question, ...tail];
    const { scores } = await alone(makeRequest({ promptIds, maxTokens: 0, promptLogprobs: top }));
    const labels = tail.slice(1);
    const expected = labels.map((tokenId, i) => ({
      tokenId,
      logprobs: tokenLogprobs(Float32Array.from(logits[i]!), tokenId, top),
    }));
    expectScores(scores.slice(-labels.length), expected);
    const sum = (of: readonly ScoredToken[]) =>
      of.reduce((total, { logprobs }) => total + logprobs!.logprob, 0);
    expect(sum(scores.slice(-labels.length))).toBeCloseTo(sum(expected), 3);
  });
});
