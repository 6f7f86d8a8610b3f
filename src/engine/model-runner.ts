// One batch through the step graph: rows to tensors, one run, new keys and values into their store,
// states and logits back to their sequences. Chooses nothing, and keeps nothing itself.

import { MASKED } from '../model/attention.ts';
import { type Dimensions, dimensionsOf, type ModelConfig } from '../model/model-config.ts';
import { type Session, type Tensor, tensor } from '../onnx/session.ts';
import type { KvStore } from './kv-store.ts';
import type { GenerationRequest } from './messages.ts';
import type { KeptRows, PrefixCache } from './prefix-cache.ts';
import type { RowOutput } from './row-output.ts';
import type { Batch, BatchRow } from './scheduler.ts';
import type { Sequence } from './sequence.ts';

/** What the engine's loop needs of a model; tests put a scripted one in its place. */
export interface Runner {
  /** Outputs in the order of the batch's rows. */
  run(batch: Batch): Promise<RowOutput[]>;
  /** Gives a sequence that holds nothing a copy of what another holds. */
  fork(from: number, to: number): void;
  /** Fills the slot of a sequence that is about to start with what is already computed of it. */
  reuse(sequence: Sequence): void;
  /** Share of all positions that is in use. */
  readonly kvUsage: number;
  /** Gives back what the sequence holds, if anything; what it computed may be kept for others. */
  free(sequence: Sequence): void;
  /** The same for one whose numbers are not finite: nobody may come across them. */
  purge(id: number): void;
}

type Outputs = Record<string, Tensor>;

export class ModelRunner<Rows extends KeptRows> implements Runner {
  readonly #dimensions: Dimensions;
  readonly #session: Session;
  readonly #kv: KvStore<Rows>;
  readonly #prefixes: PrefixCache<Rows>;

  constructor(
    config: ModelConfig,
    session: Session,
    kv: KvStore<Rows>,
    prefixes: PrefixCache<Rows>,
  ) {
    this.#dimensions = dimensionsOf(config);
    this.#session = session;
    this.#kv = kv;
    this.#prefixes = prefixes;
  }

  async run({ rows }: Batch): Promise<RowOutput[]> {
    const kv = this.#kv;
    for (const { sequence } of rows) {
      // A sequence without past is new: it gets its place with its first batch.
      if (!kv.holds(sequence.id)) kv.take(sequence.id);
    }
    const order = kv.arrange(rows.map(({ sequence }) => sequence.id));
    const byId = new Map(rows.map((row) => [row.sequence.id, row]));
    const arranged = order.map((id) => byId.get(id)!);
    // What a sweep saw is computed again with the next, so nothing of it stays.
    const counts = arranged.map(({ sequence, count }) =>
      sequence.wants(count) === 'swept' ? 0 : count,
    );
    const { feeds, places, store } = kv.access(order, counts, longest(arranged));
    const inputs = inputFeeds(arranged, this.#dimensions.width, (id) => kv.lengthOf(id));
    const outputs = await this.#session.runInPlace({ ...inputs, ...feeds }, places);
    store(outputs);
    const results = this.#results(arranged, outputs);
    return rows.map(({ sequence }) => results.get(sequence.id)!);
  }

  fork(from: number, to: number): void {
    this.#kv.fork(from, to);
  }

  get kvUsage(): number {
    return this.#kv.usage;
  }

  reuse(sequence: Sequence): void {
    const { cacheScope } = sequence;
    if (cacheScope === undefined) return;
    const match = this.#prefixes.match(cacheScope, sequence.wanted);
    if (!match) return;
    const count = sequence.resume(match.inputs.slice(0, match.length));
    if (count > 0) this.#kv.takeKept(sequence.id, match.rows, match.inputs.length, count);
  }

  free(sequence: Sequence): void {
    const { id, fed, cacheScope, request } = sequence;
    if (cacheScope !== undefined && this.#kv.holds(id)) {
      const owner = request.cacheOwner ?? cacheScope;
      const byteLength = this.#kv.byteLengthOf(id);
      this.#prefixes.keep(cacheScope, fed, { owner, byteLength, keep: () => this.#kv.keep(id) });
    }
    this.#kv.free(id);
  }

  purge(id: number): void {
    this.#kv.purge(id);
  }

  #results(rows: readonly BatchRow[], outputs: Outputs): Map<number, RowOutput> {
    const { width: D, vocab: V } = this.#dimensions;
    const [hidden, logits] = [floats(outputs, 'hidden'), floats(outputs, 'logits')];
    const stops = outputs['stop'] && floats(outputs, 'stop'); // [N, 2]: go on, stop
    let [n, r] = [0, 0];
    const nextLogits = (count: number) => {
      r += count;
      return logits.subarray((r - count) * V, r * V);
    };
    const lastOf = ({ sequence, count }: BatchRow): RowOutput => {
      const kind = sequence.wants(count);
      const nextThought = () => {
        const at = n++;
        const thought = { hidden: hidden.slice(at * D, (at + 1) * D) };
        return stops ? { ...thought, stop: stops[2 * at + 1]! } : thought;
      };
      if (kind === 'swept')
        return { kind, states: Array.from({ length: count }, () => nextThought().hidden) };
      if (kind === 'hidden') return { kind, ...nextThought() };
      if (kind === 'logits') return { kind, logits: nextLogits(1) };
      if (kind === 'traced') return { kind, ...nextThought(), logits: nextLogits(1) };
      return { kind };
    };
    const resultOf = (row: BatchRow): RowOutput => {
      const count = row.sequence.scored(row.count);
      const scored = nextLogits(count);
      return { ...lastOf(row), ...(count > 0 && { scored }) };
    };
    return new Map(rows.map((row) => [row.sequence.id, resultOf(row)]));
  }
}

/** All inputs but the past. Rows shorter than T are padded on the right, and masked there. */
function inputFeeds(
  rows: readonly BatchRow[],
  D: number,
  lengthOf: (id: number) => number,
): Record<string, Tensor> {
  const [B, T] = [rows.length, longest(rows)];
  const tokenIds = new BigInt64Array(B * T);
  const positionIds = new BigInt64Array(B * T);
  const thought = new Float32Array(B * T * D);
  const isThought = new Float32Array(B * T);
  const newBias = new Float32Array(B * T).fill(MASKED);
  rows.forEach(({ sequence, count }, b) => {
    const start = lengthOf(sequence.id);
    sequence.inputs(count).forEach((input, t) => {
      const at = b * T + t;
      positionIds[at] = BigInt(positionOf(sequence.request, start + t));
      newBias[at] = 0;
      if (typeof input === 'number') {
        tokenIds[at] = BigInt(input);
      } else {
        isThought[at] = 1;
        thought.set(input, at * D);
      }
    });
  });
  const states = rows.flatMap((row, b) => lastInputs(row, b * T, ['hidden', 'traced', 'swept']));
  const words = rows.flatMap((row, b) => [
    ...placesFrom(b * T, row.sequence.scored(row.count)),
    ...lastInputs(row, b * T, ['logits', 'traced']),
  ]);
  return {
    token_ids: tensor('int64', tokenIds, [B, T]),
    position_ids: tensor('int64', positionIds, [B, T]),
    thought: tensor('float32', thought, [B, T, D]),
    is_thought: tensor('float32', isThought, [B, T, 1]),
    new_bias: tensor('float32', newBias, [B, 1, 1, T]),
    // One that nobody takes, where nobody wants any: on WebGPU a stop head's Softmax refuses empty tensors.
    hidden_rows: places(states.length > 0 ? states : [0n]),
    logit_rows: places(words),
  };
}

/** Position id of a sequence's input, counted from 0. */
function positionOf(
  { promptIds, thoughts, skippedPositions = 0 }: GenerationRequest,
  index: number,
): number {
  return index < promptIds.length + thoughts.count ? index : index + skippedPositions;
}

/** Flat places of the row's last input, where it wants one of `kinds`; of all its inputs in a sweep. */
function lastInputs(
  { sequence, count }: BatchRow,
  first: number,
  kinds: readonly RowOutput['kind'][],
): bigint[] {
  const kind = sequence.wants(count);
  if (!kinds.includes(kind)) return [];
  const wanted = kind === 'swept' ? count : 1;
  return placesFrom(first + count - wanted, wanted);
}

const placesFrom = (first: number, count: number): bigint[] =>
  Array.from({ length: count }, (_, i) => BigInt(first + i));

const places = (of: readonly bigint[]): Tensor =>
  tensor('int64', BigInt64Array.from(of), [of.length]);

function longest(rows: readonly BatchRow[]): number {
  return Math.max(...rows.map(({ count }) => count));
}

function floats(outputs: Outputs, name: string): Float32Array {
  const output = outputs[name];
  if (output?.data instanceof Float32Array) return output.data;
  throw new Error(`the step graph has no float output "${name}"`);
}
