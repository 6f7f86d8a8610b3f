// Keys and values of the sequences that run, in fixed slots owned by JavaScript: the runtime reads
// them in place and returns new rows only. What an earlier sequence left in a slot is masked, not
// cleared, so every number in here must stay finite.
import type { Tensor } from '../onnx/session.ts';
import { type KvAccess, type KvStore, pastBias, spanStep } from './kv-store.ts';

export type KvShape = {
  layers: number;
  /** Heads of keys and values (Hkv). */
  heads: number;
  /** Dh */
  headSize: number;
  slots: number;
  /** Positions one slot can come to hold. */
  capacity: number;
};

/** [B, Hkv, S, Dh] per layer: B neighbouring slots, seen in place. */
export type KvView = { keys: Float32Array[]; values: Float32Array[]; span: number };

/** [B, Hkv, T, Dh] per layer, as the step graph returns them. */
export type NewRows = { keys: readonly Float32Array[]; values: readonly Float32Array[] };

/** Attention reads all S positions of a slot, so slots are as wide as the longest sequence needs. */
export class KvCache implements KvStore<Float32Array> {
  readonly #shape: KvShape;
  /** Keys and values of each layer, [slots, Hkv, span, Dh] at the front of the array. */
  readonly #keys: Float32Array[];
  readonly #values: Float32Array[];
  readonly #scratch: Float32Array;
  #span: number;
  /** Index = slot. */
  #holders: { id: number; length: number }[] = [];

  constructor(shape: KvShape) {
    const { layers, heads, headSize, slots, capacity } = shape;
    this.#shape = shape;
    const slotSize = heads * capacity * headSize;
    const perLayer = () => Array.from({ length: layers }, () => new Float32Array(slots * slotSize));
    this.#keys = perLayer();
    this.#values = perLayer();
    this.#scratch = new Float32Array(slotSize);
    this.#span = Math.min(spanStep, capacity);
  }

  get held(): number {
    return this.#holders.length;
  }

  holds(id: number): boolean {
    return this.#holders.some((holder) => holder.id === id);
  }

  /** Positions of a sequence that are stored. Throws for one that holds no slot. */
  lengthOf(id: number): number {
    const holder = this.#holders.find((candidate) => candidate.id === id);
    if (!holder) throw new Error(`sequence ${id} holds none of the ${this.held} slots in use`);
    return holder.length;
  }

  /** Gives the sequence an empty slot. Throws when none is left. */
  take(id: number): void {
    const { slots } = this.#shape;
    if (this.held === slots) throw new Error(`sequence ${id} needs a slot, all ${slots} are taken`);
    this.#holders.push({ id, length: 0 });
  }

  /** Gives the sequence a slot with what another one holds. Throws when none is left. */
  fork(from: number, to: number): void {
    const length = this.lengthOf(from);
    this.take(to);
    const [source, target] = [from, to].map((id) => this.#holders.findIndex((h) => h.id === id));
    const size = this.#slotSize();
    for (const array of [...this.#keys, ...this.#values]) {
      array.copyWithin(target! * size, source! * size, (source! + 1) * size);
    }
    this.#holders[target!]!.length = length;
  }

  /** Does nothing for a sequence that holds no slot. */
  free(id: number): void {
    const slot = this.#holders.findIndex((holder) => holder.id === id);
    if (slot === -1) return;
    this.#swap(slot, this.held - 1);
    this.#holders.pop();
    if (this.held === 0) this.#span = Math.min(spanStep, this.#shape.capacity);
  }

  /** Frees the slot of a sequence that computed something not finite, and removes its traces. */
  purge(id: number): void {
    this.free(id);
    const from = this.held * this.#slotSize();
    for (const array of [...this.#keys, ...this.#values]) array.fill(0, from);
  }

  arrange(ids: readonly number[]): number[] {
    return this.gather(ids).order;
  }

  access(order: readonly number[], counts: readonly number[], T: number): KvAccess {
    const { heads, headSize } = this.#shape;
    const B = order.length;
    const first = this.#holders.findIndex(({ id }) => id === order[0]);
    const { keys, values, span } = this.view(first, B);
    const past = (name: string, arrays: readonly Float32Array[]): [string, Tensor][] =>
      arrays.map((data, l) => [
        `${name}.${l}`,
        { dtype: 'float32', data, dims: [B, heads, span, headSize] },
      ]);
    const feeds = {
      past_bias: pastBias(
        order.map((id) => this.lengthOf(id)),
        span,
      ),
      ...Object.fromEntries([...past('past_key', keys), ...past('past_value', values)]),
    };
    const fresh = (outputs: Readonly<Record<string, Tensor>>, name: string) =>
      keys.map((_, l) => outputs[`${name}.${l}`]!.data as Float32Array);
    const store: KvAccess['store'] = (outputs) =>
      this.append(first, counts, T, {
        keys: fresh(outputs, 'new_key'),
        values: fresh(outputs, 'new_value'),
      });
    return { feeds, places: {}, store };
  }

  /**
   * Moves the sequences into neighbouring slots.
   * @returns their ids in the order of their slots, and the first slot
   */
  gather(ids: readonly number[]): { first: number; order: number[] } {
    const wanted = new Set(ids);
    const isMember = this.#holders.map(({ id }) => wanted.has(id));
    const first = bestWindow(isMember, ids.length);
    const end = first + ids.length;
    const outside = isMember.flatMap((is, slot) =>
      is && (slot < first || slot >= end) ? slot : [],
    );
    for (let slot = first; slot < end; slot++) {
      if (!isMember[slot]) this.#swap(slot, outside.pop()!);
    }
    return { first, order: this.#holders.slice(first, end).map(({ id }) => id) };
  }

  /** `count` slots from `first` on. Valid until the next call that changes the cache. */
  view(first: number, count: number): KvView {
    const size = this.#slotSize();
    const cut = (array: Float32Array) => array.subarray(first * size, (first + count) * size);
    return { keys: this.#keys.map(cut), values: this.#values.map(cut), span: this.#span };
  }

  /**
   * Appends to the slots from `first` on: to slot first + b the first counts[b] of the T new
   * positions of row b. Throws when a slot would overflow.
   */
  append(first: number, counts: readonly number[], T: number, rows: NewRows): void {
    const holders = this.#holders.slice(first, first + counts.length);
    this.#widen(Math.max(...holders.map(({ length }, b) => length + counts[b]!)));
    this.#keys.forEach((array, l) => {
      this.#write(array, rows.keys[l]!, first, counts, T);
    });
    this.#values.forEach((array, l) => {
      this.#write(array, rows.values[l]!, first, counts, T);
    });
    holders.forEach((holder, b) => {
      holder.length += counts[b]!;
    });
  }

  /** Positions stored, as a share of all that fit. */
  get usage(): number {
    const stored = this.#holders.reduce((sum, { length }) => sum + length, 0);
    return stored / (this.#shape.slots * this.#shape.capacity);
  }

  /** Of what keep(id) would return. */
  byteLengthOf(id: number): number {
    const { layers, heads, headSize } = this.#shape;
    return 2 * layers * heads * this.lengthOf(id) * headSize * Float32Array.BYTES_PER_ELEMENT;
  }

  /** A copy of all that the sequence stored: each layer's keys and values in turn, [H, length, Dh]. */
  keep(id: number): Float32Array {
    const { heads, headSize } = this.#shape;
    const slot = this.#holders.findIndex((holder) => holder.id === id);
    const size = this.lengthOf(id) * headSize;
    const arrays = this.#keys.flatMap((keys, l) => [keys, this.#values[l]!]);
    const rows = new Float32Array(arrays.length * heads * size);
    arrays.forEach((array, a) => {
      for (let h = 0; h < heads; h++) {
        const from = (slot * heads + h) * this.#span * headSize;
        rows.set(array.subarray(from, from + size), (a * heads + h) * size);
      }
    });
    return rows;
  }

  /** Gives the sequence a slot that begins with `count` of the `length` positions in `rows`. */
  takeKept(id: number, rows: Float32Array, length: number, count: number): void {
    const { heads, headSize } = this.#shape;
    this.take(id);
    this.#widen(count);
    const slot = this.held - 1;
    const arrays = this.#keys.flatMap((keys, l) => [keys, this.#values[l]!]);
    arrays.forEach((array, a) => {
      for (let h = 0; h < heads; h++) {
        const from = (a * heads + h) * length * headSize;
        const to = (slot * heads + h) * this.#span * headSize;
        array.set(rows.subarray(from, from + count * headSize), to);
      }
    });
    this.#holders[slot]!.length = count;
  }

  #slotSize(): number {
    return this.#shape.heads * this.#span * this.#shape.headSize;
  }

  #write(
    target: Float32Array,
    rows: Float32Array,
    first: number,
    counts: readonly number[],
    T: number,
  ): void {
    const { heads, headSize } = this.#shape;
    for (let b = 0; b < counts.length; b++) {
      const slot = first + b;
      const { length } = this.#holders[slot]!;
      for (let h = 0; h < heads; h++) {
        const from = (b * heads + h) * T * headSize;
        const to = ((slot * heads + h) * this.#span + length) * headSize;
        target.set(rows.subarray(from, from + counts[b]! * headSize), to);
      }
    }
  }

  /** Makes room for `positions` in every slot, in place: the last head moves first. */
  #widen(positions: number): void {
    const { heads, headSize, capacity } = this.#shape;
    if (positions > capacity) {
      throw new Error(`a slot holds ${capacity} positions, ${positions} were to be stored`);
    }
    if (positions <= this.#span) return;
    const wider = Math.min(capacity, Math.ceil(positions / spanStep) * spanStep);
    const [oldSize, newSize] = [this.#span * headSize, wider * headSize];
    for (const array of [...this.#keys, ...this.#values]) {
      for (let i = this.held * heads - 1; i > 0; i--) {
        array.copyWithin(i * newSize, i * oldSize, (i + 1) * oldSize);
      }
    }
    this.#span = wider;
  }

  #swap(a: number, b: number): void {
    if (a === b) return;
    const size = this.#slotSize();
    const kept = this.#scratch.subarray(0, size);
    for (const array of [...this.#keys, ...this.#values]) {
      kept.set(array.subarray(a * size, (a + 1) * size));
      array.copyWithin(a * size, b * size, (b + 1) * size);
      array.set(kept, b * size);
    }
    [this.#holders[a], this.#holders[b]] = [this.#holders[b]!, this.#holders[a]!];
  }
}

/** Start of the window of `size` slots that has the most members, so that the fewest must move. */
function bestWindow(isMember: readonly boolean[], size: number): number {
  const membersFrom = (start: number) => isMember.slice(start, start + size).filter(Boolean).length;
  let best = 0;
  for (let start = 1; start + size <= isMember.length; start++) {
    if (membersFrom(start) > membersFrom(best)) best = start;
  }
  return best;
}
