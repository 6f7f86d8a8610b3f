// Means and medians.
import { expect, it } from 'vitest';
import { mean, median } from '../../src/training/statistics.ts';

it('median takes the middle, or the mean of the two in the middle', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 9, 2])).toBe(3);
});

it('mean divides the sum', () => {
  expect(mean([1, 2, 6])).toBe(3);
});
