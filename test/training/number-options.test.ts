// Numbers on a command line: only whole ones, and none out of nothing.
import { expect, it } from 'vitest';
import { integerFrom, integersFrom } from '../../src/training/number-options.ts';

it('takes whole numbers from the lowest on', () => {
  expect(integerFrom(1)('1')).toBe(1);
  expect(integersFrom(0)('3,0,12')).toEqual([3, 0, 12]);
});

it.each(['0', 'x', '', ' ', '1.5', '-1', '1e99', 'NaN'])('refuses %j as a count', (text) => {
  expect(() => integerFrom(1)(text)).toThrow(`must be an integer of at least 1, got "${text}"`);
});

it('makes no seed of a comma too many', () => {
  expect(() => integersFrom(0)('1,,3')).toThrow('must be an integer of at least 0, got ""');
});
