// binary16 both ways, over all of its numbers.
import { describe, expect, it } from 'vitest';
import { float16ToNumber, numberToFloat16 } from '../../src/model/half-floats.ts';

const INFINITE = 0x7c00;
const SIGN = 0x8000;

describe('binary16', () => {
  it('gives back the bits of all 65,536 patterns, of a NaN a NaN', () => {
    const changed: string[] = [];
    for (let bits = 0; bits < 65_536; bits++) {
      const value = float16ToNumber(bits);
      const again = numberToFloat16(value);
      const isSame = Number.isNaN(value) ? Number.isNaN(float16ToNumber(again)) : again === bits;
      if (!isSame) changed.push(`${bits.toString(16)} → ${value} → ${again.toString(16)}`);
    }
    expect(changed).toEqual([]);
  });

  it('takes the nearer of two neighbours, and the even one in the middle between them', () => {
    const wrong: string[] = [];
    const check = (value: number, bits: number): void => {
      for (const [x, expected] of [
        [value, bits],
        [-value, SIGN | bits],
      ] as const)
        if (numberToFloat16(x) !== expected) wrong.push(`${x}: ${numberToFloat16(x)}`);
    };
    for (let bits = 0; bits < INFINITE - 1; bits++) {
      const [low, high] = [float16ToNumber(bits), float16ToNumber(bits + 1)];
      const middle = (low + high) / 2;
      check(middle, bits % 2 === 0 ? bits : bits + 1);
      check(middle - (high - low) / 1024, bits);
      check(middle + (high - low) / 1024, bits + 1);
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    ['the largest', 65_504, 0x7bff],
    ['what still rounds to it', 65_519.99, 0x7bff],
    ['the first beyond it', 65_520, INFINITE],
    ['any size', 1e300, INFINITE],
    ['half of the least', 2 ** -25, 0],
    ['a little more', 2 ** -25 * 1.001, 1],
  ])('%s: %d', (_, value, bits) => {
    expect(numberToFloat16(value)).toBe(bits);
    expect(numberToFloat16(-value)).toBe(SIGN | bits);
  });
});
