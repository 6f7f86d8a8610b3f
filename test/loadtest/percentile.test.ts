import { expect, it } from 'vitest';
import { percentile } from '../../loadtest/percentile.ts';

it('percentiles are linear between ranks', () => {
  expect(percentile([10], 99)).toBe(10);
  expect(percentile([0, 10], 50)).toBe(5);
  expect(percentile([0, 10, 20, 30], 90)).toBeCloseTo(27);
});
