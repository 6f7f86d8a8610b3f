// What the model's runner needs of whoever holds keys and values, in JavaScript's memory (kv-cache.ts)
// or on the device (device-kv-cache.ts), and what both do alike.
import { MASKED } from '../model/attention.ts';
import type { DeviceTensor, Tensor } from '../onnx/session.ts';
import type { KeptRows } from './prefix-cache.ts';

/** One run's way to the past: what it is fed, what it writes in place, and what it returned. */
export type KvAccess = {
  feeds: Record<string, Tensor | DeviceTensor>;
  places: Record<string, DeviceTensor>;
  /** To be called once, with the outputs of the run: the new positions count from here on. */
  store(outputs: Readonly<Record<string, Tensor>>): void;
};

export interface KvStore<Rows extends KeptRows> {
  holds(id: number): boolean;
  /** Positions of a sequence that are stored. Throws for one that holds nothing. */
  lengthOf(id: number): number;
  /** Gives the sequence an empty place. Throws when none is left. */
  take(id: number): void;
  /** Gives the sequence a place with what another one holds. Throws when none is left. */
  fork(from: number, to: number): void;
  /** Does nothing for a sequence that holds nothing. */
  free(id: number): void;
  /** The same for one that computed something not finite: no trace of it may remain. */
  purge(id: number): void;
  /** Positions stored, as a share of all that fit. */
  readonly usage: number;
  /** The order that a batch of these sequences has to be fed in. */
  arrange(ids: readonly number[]): number[];
  /**
   * For a run over the sequences in `order`, which arrange() gave: of row b's T new positions the first
   * counts[b] are to be stored. Valid until the next call that changes the store. Throws when one would overflow.
   */
  access(order: readonly number[], counts: readonly number[], T: number): KvAccess;
  /** Bytes of what keep() would return. */
  byteLengthOf(id: number): number;
  /** Keys and values of all that the sequence stored, to outlive it. */
  keep(id: number): Rows;
  /** Gives the sequence a place that begins with `count` of the `length` positions in `rows`. */
  takeKept(id: number, rows: Rows, length: number, count: number): void;
}

/**
 * Past positions are read in multiples of this many: few widths are seen, and a sequence does not change
 * the shape of a run with each token.
 */
export const spanStep = 64;

/** [B, 1, 1, span]: 0 where row b has a past position, MASKED beyond. */
export function pastBias(lengths: readonly number[], span: number): Tensor {
  const data = new Float32Array(lengths.length * span).fill(MASKED);
  lengths.forEach((length, b) => {
    data.fill(0, b * span, b * span + length);
  });
  return { dtype: 'float32', data, dims: [lengths.length, 1, 1, span] };
}
