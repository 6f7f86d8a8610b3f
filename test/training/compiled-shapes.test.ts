// What a device's compiled graphs are rounded to: few shapes where each costs much.
import { describe, expect, it } from 'vitest';
import { roundUp } from '../../src/training/collate.ts';
import { shapePlan } from '../../src/training/compiled-shapes.ts';

const [small, large] = [1e6, 135e6];

describe('shapePlan', () => {
  it('is the same for any size but on CUDA', () => {
    expect(shapePlan('cpu', large)).toEqual(shapePlan('cpu', small));
    expect(shapePlan('webgpu', large)).toEqual(shapePlan('cpu', small));
  });

  it.each([
    ['cpu', small, 1, 20],
    ['cuda', small, 16, 3],
    ['cuda', large, 128, 1],
  ] as const)(
    '%s, %d parameters: rows of 1 to 64 tokens are at least %i, of %i lengths',
    (device, parameters, least, count) => {
      const { question } = shapePlan(device, parameters).wholeRow;
      const lengths = Array.from({ length: 64 }, (_, i) => roundUp(i + 1, question));
      expect(Math.min(...lengths)).toBeGreaterThanOrEqual(least);
      expect(new Set(lengths).size).toBeLessThanOrEqual(count);
    },
  );

  it('keeps fewer graphs of a larger model', () => {
    const kept = [shapePlan('cpu', small), shapePlan('cuda', small), shapePlan('cuda', large)].map(
      (plan) => plan.kept,
    );
    expect(kept).toEqual(kept.toSorted((a, b) => b - a));
    expect(new Set(kept).size).toBe(3);
  });
});
