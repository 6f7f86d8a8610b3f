// Exact paired tests, against probabilities worked out by hand.
import { describe, expect, it } from 'vitest';
import { mcNemar, probability } from '../../../src/training/report/paired-test.ts';

describe('mcNemar', () => {
  const items = (both: number, first: number, second: number): [boolean[], boolean[]] => [
    [...Array(both + first).fill(true), ...Array(second).fill(false)],
    [...Array(both).fill(true), ...Array(first).fill(false), ...Array(second).fill(true)],
  ];

  // Two-sided binomial probabilities: 2 · Σ C(n, k) / 2^n.
  it.each([
    [0, 0, 1],
    [1, 0, 1],
    [5, 0, 0.0625],
    [0, 5, 0.0625],
    [8, 2, (2 * (1 + 10 + 45)) / 1024],
    [3, 3, 1],
  ])('%i against %i discordant items: p = %d', (first, second, p) => {
    const outcome = mcNemar(...items(20, first, second));
    expect(outcome).toMatchObject({ onlyFirst: first, onlySecond: second });
    expect(outcome.p).toBeCloseTo(p, 10);
  });

  it('stays finite for thousands of items, and refuses lists of two lengths', () => {
    expect(mcNemar(...items(0, 3000, 2000)).p).toBeLessThan(1e-30);
    expect(() => mcNemar([true], [])).toThrow('paired test: 1 items against 0');
  });

  it('prints small probabilities as bounds', () => {
    expect([1e-9, 0.0123].map(probability)).toEqual(['< 0.001', '0.012']);
  });
});
