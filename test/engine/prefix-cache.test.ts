// What is found, for whom, and who has to go when room is short. A row is four bytes per position here.
import { describe, expect, it } from 'vitest';
import { PrefixCache } from '../../src/engine/prefix-cache.ts';

const thought = Float32Array.of(1, 2);
const rows = (length: number, owner = 'a') => ({
  owner,
  byteLength: 4 * length,
  keep: () => new Float32Array(length),
});
const neverKept = (length: number) => ({
  owner: 'a',
  byteLength: 4 * length,
  keep: (): Float32Array => {
    throw new Error('kept for nothing');
  },
});
const found = (cache: PrefixCache<Float32Array>, scope: string, wanted: (number | 'thought')[]) =>
  cache.match(scope, wanted)?.length ?? 0;

describe('match', () => {
  const cache = new PrefixCache<Float32Array>(1000);
  cache.keep('a', [1, 2, thought, thought, 3, 4], rows(6));
  cache.keep('a', [1, 2, 9], rows(3));

  it.each([
    [[1, 2, 'thought', 'thought', 3, 4, 5], 6],
    [[1, 2, 'thought', 3], 3],
    [[1, 2, 'thought', 'thought', 'thought'], 4],
    [[1, 2, 3], 2],
    [[1, 2, 9, 9], 3],
    [[2], 0],
    [['thought'], 0],
  ] as [(number | 'thought')[], number][])('%j: %i', (wanted, length) => {
    expect(found(cache, 'a', wanted)).toBe(length);
    expect(found(cache, 'b', wanted)).toBe(0);
  });
});

describe('keep', () => {
  it('holds what is said twice, or again and longer, once', () => {
    const cache = new PrefixCache<Float32Array>(1000);
    cache.keep('a', [1, 2], rows(2));
    cache.keep('a', [1, 2, 3], rows(3));
    cache.keep('a', [1, 2], neverKept(2));
    expect(cache.bytes).toBe(12);
  });

  it('drops what was not used for longest, of the owner who holds most', () => {
    const cache = new PrefixCache<Float32Array>(40);
    cache.keep('quiet', [7, 7], rows(2, 'quiet'));
    for (const first of [1, 2, 3]) cache.keep('loud', [first, 0], rows(2, 'loud'));
    found(cache, 'loud', [1, 0]);
    for (const first of [4, 5]) cache.keep('loud', [first, 0], rows(2, 'loud'));
    expect(cache.bytes).toBe(40);
    expect(found(cache, 'quiet', [7, 7])).toBe(2);
    expect([1, 2, 3, 4, 5].map((first) => found(cache, 'loud', [first, 0]))).toEqual([
      2, 0, 2, 2, 2,
    ]);
    cache.keep('loud', [6, 0], rows(2, 'loud'));
    expect(found(cache, 'quiet', [7, 7])).toBe(2);
    expect(cache.bytes).toBe(40);
  });

  it('counts an owner’s scopes together, however many they are', () => {
    const cache = new PrefixCache<Float32Array>(40);
    // The largest scope of all, and less than the other owner's share.
    cache.keep('quiet', [7, 7], rows(2, 'quiet'));
    for (const salt of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      cache.keep(`loud ${salt}`, [salt], rows(1, 'loud'));
    }
    expect(cache.bytes).toBe(40);
    expect(found(cache, 'quiet', [7, 7])).toBe(2);
    expect(found(cache, 'loud 1', [1])).toBe(0);
    expect(found(cache, 'loud 9', [9])).toBe(1);
  });

  it('takes nothing larger than itself, and nothing at all when it is off', () => {
    const cache = new PrefixCache<Float32Array>(8);
    cache.keep('a', [1, 2, 3], neverKept(3));
    expect(cache.bytes).toBe(0);
    const off = new PrefixCache<Float32Array>(0);
    off.keep('a', [1], neverKept(1));
    expect(found(off, 'a', [1])).toBe(0);
  });
});
