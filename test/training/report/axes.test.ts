import { expect, test } from 'vitest';
import { logTicks } from '../../../src/training/report/axes.ts';
import { duration, percent, short, timeUnit } from '../../../src/training/report/units.ts';

test('log ticks are the roundest numbers that make three', () => {
  expect(logTicks(0.004, 30)).toEqual([0.01, 0.1, 1, 10]);
  expect(logTicks(0.3, 4)).toEqual([0.5, 1, 2]);
  expect(logTicks(0.00025, 0.00051)).toEqual([0.0003, 0.0004, 0.0005]);
  expect(logTicks(5.3, 6.2)).toEqual([5.4, 5.6, 5.8, 6, 6.2]);
  expect(logTicks(7.03, 7.03)).toEqual([]);
});

test('durations start at their largest unit', () => {
  expect([9.6, 61, 3723].map(duration)).toEqual(['10 s', '1 min 01 s', '1 h 02 min 03 s']);
  expect(duration(59.9)).toBe('1 min 00 s');
});

test('the time axis is in the unit that gives readable numbers', () => {
  expect([60, 3600, 36_000].map((seconds) => timeUnit(seconds).name)).toEqual([
    'seconds',
    'minutes',
    'hours',
  ]);
});

test('figures are rounded, not padded', () => {
  expect([0.0005, 1234.5, 0].map(short)).toEqual(['0.0005', '1230', '0']);
  expect(percent(0.9733)).toBe('97.3%');
});
