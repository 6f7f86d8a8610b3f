import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KvCache, type KvView, type NewRows } from '../../src/engine/kv-cache.ts';

const shape = { layers: 2, heads: 2, headSize: 2, slots: 4, capacity: 300 };

/** A number that names its place: sequence, position, layer, kind, head and component. */
const cell = (id: number, position: number, layer: number, isValue: number, h: number, d: number) =>
  (((id * 300 + position) * 2 + layer) * 2 + isValue) * 4 + h * 2 + d;

/** New rows [B, H, T, Dh] of the sequences from their positions on; padding is -1. */
function rowsOf(ids: number[], starts: number[], counts: number[], T: number): NewRows {
  const { layers, heads, headSize } = shape;
  const array = (layer: number, isValue: number) => {
    const data = new Float32Array(ids.length * heads * T * headSize).fill(-1);
    ids.forEach((id, b) => {
      for (let h = 0; h < heads; h++) {
        for (let t = 0; t < (counts[b] ?? 0); t++) {
          for (let d = 0; d < headSize; d++) {
            const at = ((b * heads + h) * T + t) * headSize + d;
            data[at] = cell(id, (starts[b] ?? 0) + t, layer, isValue, h, d);
          }
        }
      }
    });
    return data;
  };
  const all = (isValue: number) => Array.from({ length: layers }, (_, l) => array(l, isValue));
  return { keys: all(0), values: all(1) };
}

/** Gathers the sequences and appends count positions to each. */
function append(cache: KvCache, ids: number[], counts: number[]): void {
  const { first, order } = cache.gather(ids);
  const ordered = order.map((id) => counts[ids.indexOf(id)] ?? 0);
  const T = Math.max(...counts);
  const starts = order.map((id) => cache.lengthOf(id));
  cache.append(first, ordered, T, rowsOf(order, starts, ordered, T));
}

function expectStored(cache: KvCache, ids: number[]): void {
  const { first, order } = cache.gather(ids);
  const view = cache.view(first, order.length);
  order.forEach((id, b) => {
    expect(mistakes(view, id, b, cache.lengthOf(id))).toEqual([]);
  });
}

function mistakes(view: KvView, id: number, b: number, length: number): string[] {
  const { layers, heads, headSize } = shape;
  const found: string[] = [];
  for (let l = 0; l < layers; l++) {
    for (let h = 0; h < heads; h++) {
      for (let t = 0; t < length; t++) {
        for (let d = 0; d < headSize; d++) {
          const at = ((b * heads + h) * view.span + t) * headSize + d;
          if (view.keys[l]?.[at] !== cell(id, t, l, 0, h, d)) found.push(`key ${[id, l, h, t, d]}`);
          if (view.values[l]?.[at] !== cell(id, t, l, 1, h, d))
            found.push(`value ${[id, l, h, t, d]}`);
        }
      }
    }
  }
  return found;
}

describe('slots', () => {
  it('are views of one array, moved only when the batch is not of neighbours', () => {
    const cache = new KvCache(shape);
    for (const id of [10, 11, 12, 13]) cache.take(id);
    expect(cache.gather([11, 12])).toEqual({ first: 1, order: [11, 12] });
    expect(cache.gather([10, 13])).toEqual({ first: 0, order: [10, 13] });
    const [whole, part] = [cache.view(0, 4), cache.view(1, 2)];
    expect(part.keys[0]?.buffer).toBe(whole.keys[0]?.buffer);
    expect(part.keys[0]).toHaveLength(2 * 2 * part.span * 2);
  });

  it('are copied whole, and go apart from there', () => {
    const cache = new KvCache(shape);
    for (const id of [10, 11]) cache.take(id);
    append(cache, [10, 11], [3, 70]);
    cache.fork(11, 12);
    expect(cache.lengthOf(12)).toBe(70);
    const copy = cache.gather([12]).first;
    expect(mistakes(cache.view(copy, 1), 11, 0, 70)).toEqual([]);
    append(cache, [11], [2]);
    cache.free(11);
    expect(mistakes(cache.view(cache.gather([12]).first, 1), 11, 0, 70)).toEqual([]);
    expect(cache.lengthOf(12)).toBe(70);
    expect(() => cache.fork(99, 13)).toThrow('sequence 99 holds none');
  });

  it('run out with a message that says how many there are', () => {
    const cache = new KvCache({ ...shape, slots: 1 });
    cache.take(1);
    expect(() => cache.take(2)).toThrow('sequence 2 needs a slot, all 1 are taken');
    expect(() => cache.lengthOf(2)).toThrow('sequence 2 holds none of the 1 slots in use');
    cache.free(2);
    cache.free(1);
    cache.take(2);
    expect(cache.lengthOf(2)).toBe(0);
  });

  it('overflow with a message that says what they hold', () => {
    const cache = new KvCache({ ...shape, capacity: 5 });
    cache.take(1);
    append(cache, [1], [4]);
    expect(() => append(cache, [1], [2])).toThrow('a slot holds 5 positions, 6 were to be stored');
  });
});

describe('the span', () => {
  it('follows the longest sequence, and falls back when all have left', () => {
    const cache = new KvCache(shape);
    cache.take(1);
    expect(cache.view(0, 1).span).toBe(64);
    append(cache, [1], [65]);
    expect(cache.view(0, 1).span).toBe(128);
    append(cache, [1], [200]);
    expect(cache.view(0, 1).span).toBe(300);
    cache.free(1);
    cache.take(2);
    expect(cache.view(0, 1).span).toBe(64);
  });
});

describe('a purged slot', () => {
  it('holds nothing of what was in it, wherever it lay', () => {
    const cache = new KvCache(shape);
    for (const id of [1, 2, 3]) cache.take(id);
    append(cache, [1, 2, 3], [70, 70, 70]);
    for (const array of cache.view(0, 1).keys) array.fill(Number.NaN);
    const purged = cache.gather([1, 2, 3]).order[0] ?? 0;
    cache.purge(purged);
    cache.take(4);
    append(cache, [4], [1]);
    const { first } = cache.gather([4]);
    for (const array of [...cache.view(first, 1).keys, ...cache.view(0, 3).keys]) {
      expect(array.some(Number.isNaN)).toBe(false);
    }
    expectStored(
      cache,
      [1, 2, 3].filter((id) => id !== purged),
    );
  });
});

describe('any use', () => {
  it('keeps what each sequence stored', () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant('take' as const) }),
      fc.record({ kind: fc.constant('free' as const), pick: fc.nat(3) }),
      fc.record({
        kind: fc.constant('append' as const),
        counts: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 4, maxLength: 4 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 25 }), (actions) => {
        const cache = new KvCache(shape);
        let ids: number[] = [];
        let nextId = 1;
        for (const act of actions) {
          if (act.kind === 'take' && ids.length < shape.slots) {
            cache.take(nextId);
            ids = [...ids, nextId++];
          } else if (act.kind === 'free' && ids.length > 0) {
            const id = ids[act.pick % ids.length] ?? 0;
            cache.free(id);
            ids = ids.filter((other) => other !== id);
          } else if (act.kind === 'append') {
            const chosen = ids.filter((id, i) => {
              const count = act.counts[i] ?? 0;
              return count > 0 && cache.lengthOf(id) + count <= shape.capacity;
            });
            if (chosen.length === 0) continue;
            append(
              cache,
              chosen,
              chosen.map((id) => act.counts[ids.indexOf(id)] ?? 0),
            );
          }
          expect(cache.held).toBe(ids.length);
          expectStored(cache, ids);
        }
      }),
      { numRuns: 60 },
    );
  });
});
