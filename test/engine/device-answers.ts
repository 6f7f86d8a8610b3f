// The same requests on the CPU and on WebGPU, through the engine's loop.
import { expect, onTestFinished } from 'vitest';
import { loadModel } from '../../src/engine/load-model.ts';
import type { EngineOptions, GenerationRequest, TokenEvent } from '../../src/engine/messages.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import { StepLoop } from '../../src/engine/step-loop.ts';
import type { WeightFormat } from '../../src/model/serving-model.ts';
import { type Collected, collect, makeRequest } from './requests.ts';

const eot = 258;

export function optionsFor(
  checkpointDir: string,
  device: 'cpu' | 'webgpu',
  weights: WeightFormat = 'fp32',
): EngineOptions {
  const sizes = { slots: 3, slotCapacity: 128, maxPrefillTokens: 48, threads: 1 };
  const software = { allowSoftwareGpu: true, prefixCacheBytes: 2 ** 16 };
  return { checkpointDir, weights, device, ...sizes, ...software };
}

/** The waves one after the other, the requests of a wave together; `firstId` groups choices. */
export async function answers(
  options: EngineOptions,
  waves: { request: GenerationRequest; firstId?: number }[][],
): Promise<Collected[]> {
  const { runner, refinement, release } = await loadModel(options);
  onTestFinished(release);
  const loop = new StepLoop(runner, options, () => 0);
  const events = new Map<number, TokenEvent[]>();
  let id = 0;
  for (const wave of waves) {
    for (const { request, firstId } of wave) {
      events.set(id, []);
      loop.submit(new Sequence(id, request, 0, firstId ?? id, refinement));
      id++;
    }
    while (!loop.isIdle) {
      const outcome = await loop.step();
      expect(outcome?.failures).toEqual([]);
      for (const { id, event } of outcome?.events ?? []) events.get(id)!.push(event);
    }
  }
  expect(runner.kvUsage).toBe(0);
  return [...events.values()].map((list) => collect(list));
}

const prompt = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => (i * 37 + seed * 101 + ((i * i) % 13)) % 256);

export const asked = (length: number, count: number, maxTokens: number) =>
  makeRequest({
    promptIds: prompt(length, length),
    thoughts: { kind: 'model', count },
    suffixIds: [eot],
    maxTokens,
    returnThoughts: true,
    cacheScope: 'a',
  });

/** Text, scored tokens and usage alike; thoughts no further apart than `tolerance`, a share of their length. */
export function expectSame(
  actual: readonly Collected[],
  expected: readonly Collected[],
  tolerance = 1e-5,
): void {
  expect(actual.map(({ tokens }) => tokens)).toEqual(expected.map(({ tokens }) => tokens));
  actual.forEach(({ finished, scores }, i) => {
    const { finished: other, scores: expectedScores } = expected[i]!;
    expect(scores.map(({ tokenId }) => tokenId)).toEqual(
      expectedScores.map(({ tokenId }) => tokenId),
    );
    scores.forEach(({ logprobs }, at) => {
      expect(logprobs?.logprob ?? 0).toBeCloseTo(expectedScores[at]!.logprobs?.logprob ?? 0, 3);
    });
    expect(finished.usage).toEqual(other.usage);
    const [thoughts, same] = [finished.thoughts ?? [], other.thoughts ?? []];
    expect(thoughts.length).toBe(same.length);
    if (same.length === 0) return;
    const apart = Math.hypot(...thoughts.map((value, d) => value - same[d]!));
    expect(apart / Math.hypot(...same)).toBeLessThan(tolerance);
  });
}
