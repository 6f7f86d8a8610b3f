import { describe, expect, it } from 'vitest';
import { agreement, fullBatchRate, prefillRate } from '../../../bench/peers/rates.ts';

describe('fullBatchRate', () => {
  it('counts only while every row is at work', () => {
    // Row 1 starts late, row 0 ends early: three outputs come in the 20 ms between.
    const ms = [
      [10, 20, 30, 40],
      [20, 35, 50, 90],
    ];
    const rate = fullBatchRate({
      ms,
      processorMs: ms.map((row) => row.map((at) => 2 * at)),
      ids: [],
    });
    expect(rate).toEqual({ perSecond: 150, processorMs: 40 / 3 });
  });

  it('refuses rows that were never at work together', () => {
    const timing = { ms: [[10], [20]], processorMs: [[1], [2]], ids: [] };
    expect(() => fullBatchRate(timing)).toThrow('2 rows of 1 outputs: the batch was never full');
  });
});

it('prefillRate is prompt tokens over the time to the first output', () => {
  expect(prefillRate({ ms: [[250, 300]], processorMs: [], ids: [] }, 128)).toBe(512);
});

it('agreement is the length of the common beginning', () => {
  expect(agreement([5, 6, 7], [5, 6, 7])).toBe(3);
  expect(agreement([5, 6, 7], [5, 8, 7])).toBe(1);
  expect(agreement([5], [])).toBe(0);
});
