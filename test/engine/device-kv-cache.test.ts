// The bookkeeping of rows, against a table that the test writes and reads itself.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DeviceKvCache,
  type DeviceKvShape,
  type KeptTableRows,
  tableRows,
} from '../../src/engine/device-kv-cache.ts';
import type { DeviceTensor, Tensor } from '../../src/onnx/session.ts';

const shape: DeviceKvShape = { slots: 3, capacity: 100, positionBytes: 8 };

/** What the tables would hold: the row's last writer and its position. */
type Table = Map<number, string>;

function makeCache(prefixBytes = 0) {
  const P = tableRows(shape, prefixBytes);
  const table = { dtype: 'float32', dims: [P, 1] } as unknown as DeviceTensor;
  return { cache: new DeviceKvCache(shape, { keys: [table], values: [table] }), P };
}

const numbers = (tensor: unknown): number[] => [...(tensor as Tensor).data].map(Number);

/** Feeds counts[b] positions of ids[b], which are written as `writer:position`. */
function append(cache: DeviceKvCache, table: Table, ids: number[], counts: number[]): void {
  const T = Math.max(...counts);
  const { feeds, store } = cache.access(ids, counts, T);
  const [places, rows] = [numbers(feeds['new_places']), numbers(feeds['new_rows'])];
  rows.forEach((row, i) => {
    const [b, t] = [Math.floor(places[i]! / T), places[i]! % T];
    table.set(row, `${ids[b]}:${cache.lengthOf(ids[b]!) + t}`);
  });
  store({});
}

/** What the sequence would read, without what is masked. */
function readBack(cache: DeviceKvCache, table: Table, id: number): (string | undefined)[] {
  const { feeds } = cache.access([id], [0], 1);
  const bias = (feeds['past_bias'] as Tensor).data;
  const rows = numbers(feeds['past_rows']);
  return rows.filter((_, s) => bias[s] === 0).map((row) => table.get(row));
}

const written = (id: number, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `${id}:${from + i}`);

describe('tableRows', () => {
  it('has room for every slot, for the kept prefixes, and two rows for nobody', () => {
    expect(tableRows(shape, 0)).toBe(302);
    expect(tableRows(shape, 20)).toBe(305);
  });
});

describe('access', () => {
  it('pads rows of different lengths, and writes real positions only', () => {
    const { cache } = makeCache();
    const table: Table = new Map();
    cache.take(1);
    cache.take(2);
    append(cache, table, [1], [65]);
    const { feeds } = cache.access([1, 2], [1, 3], 3);
    expect((feeds['past_rows'] as Tensor).dims).toEqual([2, 128]);
    expect(numbers(feeds['past_rows']).slice(65)).toEqual(Array(63 + 128).fill(0));
    expect((feeds['past_bias'] as Tensor).dims).toEqual([2, 1, 1, 128]);
    expect((feeds['past_bias'] as Tensor).data.filter((bias) => bias === 0)).toHaveLength(65);
    expect(numbers(feeds['new_places'])).toEqual([0, 3, 4, 5]);
    expect(new Set(numbers(feeds['new_rows'])).size).toBe(4);
    expect(numbers(feeds['new_rows'])).not.toContain(0);
  });

  it('throws when a sequence outgrows its slot, or is unknown', () => {
    const { cache } = makeCache();
    cache.take(1);
    expect(() => cache.access([1], [101], 101)).toThrow('holds 100 positions, 101 were to be');
    expect(() => cache.access([7], [1], 1)).toThrow('sequence 7 holds none');
  });

  it('spills what a run stores nothing of into a row that nobody reads', () => {
    const { cache } = makeCache();
    cache.take(1);
    const { feeds, store } = cache.access([1], [0], 3);
    expect(numbers(feeds['new_rows'])).toEqual([1]);
    expect(numbers(feeds['past_rows'])).not.toContain(1);
    store({});
    expect(cache.lengthOf(1)).toBe(0);
    expect(cache.freeRows).toBe(300);
  });

  it('counts new positions once they are stored', () => {
    const { cache } = makeCache();
    cache.take(1);
    const { store } = cache.access([1], [30], 30);
    expect(cache.lengthOf(1)).toBe(0);
    store({});
    expect(cache.lengthOf(1)).toBe(30);
    expect(cache.usage).toBe(0.1);
  });
});

describe('rows', () => {
  it('are shared by a fork, and parted from there on', () => {
    const { cache } = makeCache();
    const table: Table = new Map();
    cache.take(1);
    append(cache, table, [1], [4]);
    const free = cache.freeRows;
    cache.fork(1, 2);
    expect(cache.freeRows).toBe(free);
    append(cache, table, [1, 2], [1, 2]);
    cache.free(1);
    expect(readBack(cache, table, 2)).toEqual([...written(1, 0, 4), ...written(2, 4, 6)]);
    cache.free(2);
    expect(cache.freeRows).toBe(300);
  });

  it('outlive their sequence while they are kept', () => {
    const { cache } = makeCache(80);
    const table: Table = new Map();
    cache.take(1);
    append(cache, table, [1], [5]);
    const kept = cache.keep(1);
    expect(kept.byteLength).toBe(40);
    cache.free(1);
    cache.takeKept(2, kept, 5, 3);
    kept.release?.();
    expect(readBack(cache, table, 2)).toEqual(written(1, 0, 3));
    cache.purge(2);
    expect(cache.freeRows).toBe(310);
  });

  it('are refused beyond the slots', () => {
    const { cache } = makeCache();
    for (const id of [1, 2, 3]) cache.take(id);
    expect(() => cache.take(4)).toThrow('sequence 4 needs a slot, all 3 are taken');
    expect(() => cache.fork(1, 4)).toThrow('all 3 are taken');
    cache.free(9);
    expect(cache.held).toBe(3);
  });

  it('hold what each sequence stored, whatever comes and goes', () => {
    const step = fc.record({
      action: fc.constantFrom('append', 'append', 'fork', 'free', 'keep', 'forget', 'take'),
      pick: fc.nat(7),
      count: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { cache, P } = makeCache(400);
        const table: Table = new Map();
        const stored = new Map<number, string[]>();
        const kept: { rows: KeptTableRows; texts: string[] }[] = [];
        let lastId = 0;
        for (const { action, pick, count } of steps) {
          const id = [...stored.keys()][pick % Math.max(1, stored.size)];
          const hasRoom = stored.size < shape.slots;
          if (action === 'take' && hasRoom) {
            const from = kept[pick];
            const length = Math.min(count, from?.texts.length ?? 0);
            if (from) cache.takeKept(++lastId, from.rows, from.texts.length, length);
            else cache.take(++lastId);
            stored.set(lastId, from?.texts.slice(0, length) ?? []);
          }
          if (id === undefined) continue;
          const texts = stored.get(id)!;
          if (action === 'append' && texts.length + count <= shape.capacity) {
            append(cache, table, [id], [count]);
            texts.push(...written(id, texts.length, texts.length + count));
          } else if (action === 'fork' && hasRoom) {
            cache.fork(id, ++lastId);
            stored.set(lastId, [...texts]);
          } else if (action === 'free') {
            cache.free(id);
            stored.delete(id);
          } else if (action === 'keep' && kept.length < 5) {
            if (texts.length <= 10) kept.push({ rows: cache.keep(id), texts: [...texts] });
          } else if (action === 'forget') {
            kept.shift()?.rows.release?.();
          }
          for (const [other, expected] of stored) {
            expect(readBack(cache, table, other)).toEqual(expected);
          }
        }
        for (const id of stored.keys()) cache.free(id);
        for (const { rows } of kept) rows.release?.();
        expect(cache.freeRows).toBe(P - 2);
        expect(table.has(0)).toBe(false);
      }),
    );
  });
});
