import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { likeliest, tokenLogprobs } from '../../src/engine/logprobs.ts';

const anyLogits = fc.float32Array({ minLength: 1, maxLength: 40, min: -80, max: 80, noNaN: true });

describe('log probabilities', () => {
  it('are those of a softmax', () => {
    const logits = Float32Array.from([0.1, 0.6, 0.3], Math.log);
    const { logprob, top } = tokenLogprobs(logits, 2, 2);
    expect(Math.exp(logprob)).toBeCloseTo(0.3, 6);
    expect(top.map(({ tokenId }) => tokenId)).toEqual([1, 2]);
    expect(Math.exp(top[0]?.logprob ?? 0)).toBeCloseTo(0.6, 6);
  });

  it('sum to one over the vocabulary, and are never positive', () => {
    fc.assert(
      fc.property(anyLogits, (logits) => {
        const { top } = tokenLogprobs(logits, 0, logits.length);
        const sum = top.reduce((total, { logprob }) => total + Math.exp(logprob), 0);
        expect(sum).toBeCloseTo(1, 6);
        expect(top.every(({ logprob }) => logprob <= 1e-9 && Number.isFinite(logprob))).toBe(true);
      }),
    );
  });
});

describe('the likeliest ids', () => {
  it('are the first of a full sort, the lower of equals first', () => {
    fc.assert(
      fc.property(anyLogits, fc.nat(21), (logits, count) => {
        const sorted = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
        expect(likeliest(logits, count)).toEqual(sorted.slice(0, count));
      }),
    );
  });
});
