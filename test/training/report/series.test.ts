import fc from 'fast-check';
import { expect, test } from 'vitest';
import { groupBy, smooth, thin } from '../../../src/training/report/series.ts';

const points = (ys: readonly number[]) => ys.map((y, x) => ({ x, y }));

test('groupBy keeps the order of rows and of first appearance', () => {
  expect([...groupBy([3, 1, 5, 2], (n) => n % 2)]).toEqual([
    [1, [3, 1, 5]],
    [0, [2]],
  ]);
});

test('a constant stays what it is, from the first point on', () => {
  for (const { y } of smooth(points([4, 4, 4, 4]), 2)) expect(y).toBeCloseTo(4, 12);
});

test('after a jump the mean is half way there in one half-life', () => {
  const jump = points([...Array(400).fill(0), ...Array(10).fill(1)]);
  expect(smooth(jump, 10).at(-1)!.y).toBeCloseTo(0.5, 6);
});

test('what is short enough is not thinned', () => {
  expect(thin(points([1, 2, 3, 4]), 4)).toEqual(points([1, 2, 3, 4]));
  expect(thin(points([1, 2, 3]), 1)).toEqual(points([1, 2, 3]));
});

test('a thinned curve keeps its spikes and its ends', () => {
  const ys = Array.from({ length: 10_000 }, (_, x) => Math.sin(x / 300));
  ys[1234] = 50;
  ys[8765] = -50;
  const thinned = thin(points(ys), 100);
  expect(thinned.length).toBeLessThanOrEqual(100);
  expect(thinned).toContainEqual({ x: 1234, y: 50 });
  expect(thinned).toContainEqual({ x: 8765, y: -50 });
  expect(thinned[0]).toEqual({ x: 0, y: 0 });
  expect(thinned.at(-1)!.x).toBe(9999);
});

test('thinning keeps to its limit and to the order of x, whatever the curve', () => {
  const curve = fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(curve, fc.double({ min: 0, max: 60, noNaN: true }), (ys, limit) => {
      const thinned = thin(points(ys), limit);
      expect(thinned.length).toBeLessThanOrEqual(Math.max(4, limit));
      for (const [i, { x, y }] of thinned.entries()) {
        expect(y).toBe(ys[x]);
        if (i > 0) expect(x).toBeGreaterThanOrEqual(thinned[i - 1]!.x);
      }
    }),
  );
});
