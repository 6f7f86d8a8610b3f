// The matcher expect(actual).toBeAllclose(expected, tolerance): element by element, and a failure names
// the worst element. Importing this file installs it.
import { expect } from 'vitest';

/** |actual − expected| ≤ absolute + relative · |expected| */
export type Tolerance = { relative: number; absolute: number };

declare module 'vitest' {
  interface Matchers<T> {
    toBeAllclose: (expected: ArrayLike<number>, tolerance: Tolerance) => T;
  }
}

expect.extend({
  toBeAllclose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: Tolerance) {
    if (actual.length !== expected.length) {
      return {
        pass: false,
        message: () => `expected ${expected.length} elements, got ${actual.length}`,
      };
    }
    const worst = worstElement(actual, expected, tolerance);
    return {
      pass: worst.excess <= 1,
      message: () =>
        `element ${worst.index} of ${expected.length}: expected ${expected[worst.index]}, got ` +
        `${actual[worst.index]}, ${worst.excess.toPrecision(3)} times the tolerance away`,
    };
  },
});

/** Where the difference is the largest multiple of what is allowed; NaN counts as infinitely far. */
function worstElement(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { relative, absolute }: Tolerance,
): { index: number; excess: number } {
  let worst = { index: 0, excess: 0 };
  for (let index = 0; index < expected.length; index++) {
    if (actual[index] === expected[index]) continue;
    const allowed = absolute + relative * Math.abs(expected[index]!);
    const ratio = Math.abs(actual[index]! - expected[index]!) / allowed;
    const excess = Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio;
    if (excess > worst.excess) worst = { index, excess };
  }
  return worst;
}
