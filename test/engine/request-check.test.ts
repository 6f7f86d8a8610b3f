// What the engine refuses, with the field and the numbers.
import { describe, expect, it } from 'vitest';
import { type GenerationRequest, greedySampling } from '../../src/engine/messages.ts';
import { checkRequest } from '../../src/engine/request-check.ts';
import { makeRequest, smallLimits } from './requests.ts';

describe('a request that cannot be served', () => {
  const given = (count: number, ...values: number[]) =>
    ({ thoughts: { kind: 'given', count, vectors: Float32Array.from(values) } }) as const;

  it.each<[string, Partial<GenerationRequest>]>([
    ['the prompt is empty', { promptIds: [] }],
    ['token id 10 is not in 0..9', { promptIds: [1, 10] }],
    ['token id -1 is not in 0..9', { suffixIds: [-1] }],
    ['token id 1.5 is not in 0..9', { promptIds: [1.5] }],
    ['9 positions asked for, a slot holds 8', { maxTokens: 6 }],
    ['maxTokens must be a whole number from 0, got -1', { maxTokens: -1 }],
    ['traceWords must be a whole number from 0, got -1', { traceWords: -1 }],
    ['thoughts.count must be a whole number from 0', { thoughts: { kind: 'model', count: -1 } }],
    ['1 thoughts of 2 need 2 numbers, got 3', given(1, 1, 2, 3)],
    ['thoughts.vectors is Infinity at 1', given(1, 1, Number.POSITIVE_INFINITY)],
    [
      'thoughts.stopProbability: the checkpoint has no stop head',
      { thoughts: { kind: 'model', count: 1, stopProbability: 0.5 } },
    ],
    ['"temperature":null', { sampling: { ...greedySampling, temperature: Number.NaN } }],
    ['"topP":0', { sampling: { ...greedySampling, topP: 0 } }],
    ['"repetitionPenalty":0', { sampling: { ...greedySampling, repetitionPenalty: 0 } }],
    ['topK must be a whole number from 0, got 1.5', { sampling: { ...greedySampling, topK: 1.5 } }],
    ['logitBias 1 of token 10', { sampling: { ...greedySampling, logitBias: [[10, 1]] } }],
    ['seed 0.5', { sampling: { ...greedySampling, seed: 0.5 } }],
  ])('is refused: %s', (message, overrides) => {
    expect(() => checkRequest(makeRequest(overrides), smallLimits)).toThrow(message);
  });

  it.each([
    ['control', { control: 'noise' }],
    ['stopCosine', { stopCosine: 0.9 }],
    ['stopProbability', { stopProbability: 0.5 }],
  ] as const)('is refused: thoughts.%s of thoughts that are refined together', (field, asked) => {
    const parallel = { ...smallLimits, hasStopHead: true, hasParallelThoughts: true };
    const request = makeRequest({ thoughts: { kind: 'model', count: 1, ...asked } });
    expect(() => checkRequest(request, parallel)).toThrow(
      `thoughts.${field}: the checkpoint refines its thoughts together`,
    );
    checkRequest(request, { ...parallel, hasParallelThoughts: false });
  });

  it('is one that asks for the words of thoughts that are refined together', () => {
    expect(() =>
      checkRequest(makeRequest({ traceWords: 0 }), { ...smallLimits, hasParallelThoughts: true }),
    ).toThrow('traceWords 0: the checkpoint refines its thoughts together');
    checkRequest(makeRequest({ traceWords: 0 }), smallLimits);
  });

  it('is not one that just fits', () => {
    checkRequest(makeRequest({ maxTokens: 5 }), smallLimits);
    checkRequest(makeRequest({ ...given(1, 1, 2), maxTokens: 4 }), smallLimits);
  });
});
