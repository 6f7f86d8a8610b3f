// Keys and values that never leave the device: a table of rows per layer, and here only which rows are
// whose. Rows are shared, not copied: a fork and a kept prefix hold the same ones (pages of one position,
// after Kwon et al. 2023, arXiv 2309.06180).
import type { DeviceTensor, Tensor } from '../onnx/session.ts';
import { type KvAccess, type KvStore, pastBias, spanStep } from './kv-store.ts';
import type { KeptRows } from './prefix-cache.ts';

export type DeviceKvShape = {
  slots: number;
  /** Positions one sequence can come to hold. */
  capacity: number;
  /** Bytes of one position, over all layers. */
  positionBytes: number;
};

/** One per layer, [P, Hkv·Dh]. */
export type KvTables = { keys: readonly DeviceTensor[]; values: readonly DeviceTensor[] };

export type KeptTableRows = KeptRows & { readonly rows: readonly number[] };

/**
 * Rows that are nobody's. The first fills up the past of short sequences, so it is never written; the
 * second takes what a run has to write where it stores nothing, so it is never read.
 */
const [blankRow, spillRow, spareRows] = [0, 1, 2];

/** Rows [P] that the tables of these sizes need: of sequences, of kept prefixes, and the spare ones. */
export function tableRows(shape: DeviceKvShape, prefixBytes: number): number {
  return spareRows + shape.slots * shape.capacity + Math.ceil(prefixBytes / shape.positionBytes);
}

export class DeviceKvCache implements KvStore<KeptTableRows> {
  readonly #shape: DeviceKvShape;
  readonly #tables: KvTables;
  readonly #free: number[];
  /** How many hold a row; index = row. */
  readonly #holders: Uint32Array;
  /** Rows of each sequence, in the order of their positions. */
  readonly #rows = new Map<number, number[]>();

  constructor(shape: DeviceKvShape, tables: KvTables) {
    const P = tables.keys[0]!.dims[0]!;
    this.#shape = shape;
    this.#tables = tables;
    this.#free = Array.from({ length: P - spareRows }, (_, i) => P - 1 - i);
    this.#holders = new Uint32Array(P);
  }

  get held(): number {
    return this.#rows.size;
  }

  /** Rows that nobody holds. */
  get freeRows(): number {
    return this.#free.length;
  }

  get usage(): number {
    const stored = [...this.#rows.values()].reduce((sum, rows) => sum + rows.length, 0);
    return stored / (this.#shape.slots * this.#shape.capacity);
  }

  holds(id: number): boolean {
    return this.#rows.has(id);
  }

  lengthOf(id: number): number {
    return this.#rowsOf(id).length;
  }

  take(id: number): void {
    const { slots } = this.#shape;
    if (this.held === slots) throw new Error(`sequence ${id} needs a slot, all ${slots} are taken`);
    this.#rows.set(id, []);
  }

  fork(from: number, to: number): void {
    const rows = this.#rowsOf(from);
    this.take(to);
    this.#rows.set(to, this.#hold(rows));
  }

  free(id: number): void {
    this.#release(this.#rows.get(id) ?? []);
    this.#rows.delete(id);
  }

  /** A row is written before it is read again, so nothing has to be cleared. */
  purge(id: number): void {
    this.free(id);
  }

  arrange(ids: readonly number[]): number[] {
    return [...ids];
  }

  access(order: readonly number[], counts: readonly number[], T: number): KvAccess {
    const pasts = order.map((id) => this.#rowsOf(id));
    const fresh = counts.map((count, b) => this.#allocate(order[b]!, count));
    const longest = Math.max(1, ...pasts.map((rows) => rows.length));
    const span = Math.ceil(longest / spanStep) * spanStep;
    const pastRows = new BigInt64Array(order.length * span).fill(BigInt(blankRow));
    pasts.forEach((rows, b) => {
      rows.forEach((row, s) => {
        pastRows[b * span + s] = BigInt(row);
      });
    });
    const isEmpty = counts.every((count) => count === 0);
    const places = isEmpty ? [0] : fresh.flatMap((rows, b) => rows.map((_, t) => b * T + t));
    const written = isEmpty ? [spillRow] : fresh.flat();
    const { keys, values } = this.#tables;
    return {
      feeds: {
        past_bias: pastBias(
          pasts.map((rows) => rows.length),
          span,
        ),
        past_rows: int64(pastRows, [order.length, span]),
        new_places: int64(BigInt64Array.from(places, BigInt), [places.length]),
        new_rows: int64(BigInt64Array.from(written, BigInt), [written.length, 1]),
        ...named('key_rows', keys),
        ...named('value_rows', values),
      },
      places: { ...named('next_key_rows', keys), ...named('next_value_rows', values) },
      store: () => {
        fresh.forEach((rows, b) => {
          pasts[b]!.push(...rows);
        });
      },
    };
  }

  byteLengthOf(id: number): number {
    return this.lengthOf(id) * this.#shape.positionBytes;
  }

  keep(id: number): KeptTableRows {
    const rows = this.#hold(this.#rowsOf(id));
    return {
      rows,
      byteLength: this.byteLengthOf(id),
      release: () => this.#release(rows),
    };
  }

  takeKept(id: number, { rows }: KeptTableRows, _length: number, count: number): void {
    this.take(id);
    this.#rows.set(id, this.#hold(rows.slice(0, count)));
  }

  #rowsOf(id: number): number[] {
    const rows = this.#rows.get(id);
    if (!rows) throw new Error(`sequence ${id} holds none of the ${this.held} slots in use`);
    return rows;
  }

  #allocate(id: number, count: number): number[] {
    const { capacity } = this.#shape;
    const positions = this.lengthOf(id) + count;
    if (positions > capacity) {
      throw new Error(`a slot holds ${capacity} positions, ${positions} were to be stored`);
    }
    if (count > this.#free.length) {
      throw new Error(`sequence ${id} needs ${count} rows, ${this.#free.length} are free`);
    }
    return this.#hold(this.#free.splice(this.#free.length - count));
  }

  #hold(rows: readonly number[]): number[] {
    for (const row of rows) this.#holders[row]! += 1;
    return [...rows];
  }

  #release(rows: readonly number[]): void {
    for (const row of rows) {
      this.#holders[row]! -= 1;
      if (this.#holders[row] === 0) this.#free.push(row);
    }
  }
}

const int64 = (data: BigInt64Array, dims: readonly number[]): Tensor => ({
  dtype: 'int64',
  data,
  dims,
});

function named(name: string, tensors: readonly DeviceTensor[]): Record<string, DeviceTensor> {
  return Object.fromEntries(tensors.map((tensor, l) => [`${name}.${l}`, tensor]));
}
