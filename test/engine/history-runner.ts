// A model whose every output is a hash of all that its sequence was fed: rows, slots, thoughts or
// cached prefixes that get mixed up change the text. Keeps the books that usage is held against.
import type { Runner } from '../../src/engine/model-runner.ts';
import { PrefixCache } from '../../src/engine/prefix-cache.ts';
import type { RowOutput } from '../../src/engine/row-output.ts';
import type { Batch, BatchRow } from '../../src/engine/scheduler.ts';
import type { Sequence } from '../../src/engine/sequence.ts';
import type { Input } from '../../src/engine/thought-inputs.ts';
import { SlotBook } from './slot-book.ts';

const vocabSize = 8;

/** The hash after each input that a sequence was fed: its keys and values, so to speak. */
type History = readonly number[];

/** What was computed for a sequence, its leader's part included, and what was found computed. */
export type Ledger = {
  tokensFed: number;
  tokensReused: number;
  thoughts: number;
  /** Thoughts that were refined together, once they were fed. */
  refined: number;
  thoughtsReused: number;
  logits: number;
  /** Times that latent mode was entered in the middle of the answer. */
  entries: number;
};

const nothingYet: Ledger = {
  tokensFed: 0,
  tokensReused: 0,
  thoughts: 0,
  refined: 0,
  thoughtsReused: 0,
  logits: 0,
  entries: 0,
};

export class HistoryRunner implements Runner {
  readonly held: SlotBook<History>;
  /** Batches in which some rows were swept over and others were not. */
  mixedSweeps = 0;
  /** Kept after the slot is freed. */
  readonly #ledgers = new Map<number, Ledger>();
  readonly #prefixes: PrefixCache<Float32Array>;

  constructor(slots: number, prefixCacheBytes: number) {
    this.held = new SlotBook(slots);
    this.#prefixes = new PrefixCache(prefixCacheBytes);
  }

  async run({ rows }: Batch): Promise<RowOutput[]> {
    const outputs = rows.map((row) => this.#output(row));
    const swept = outputs.filter(({ kind }) => kind === 'swept').length;
    if (swept > 0 && swept < outputs.length) this.mixedSweeps += 1;
    return outputs;
  }

  #output({ sequence, count }: BatchRow): RowOutput {
    const { id, state } = sequence;
    const inputs = sequence.inputs(count);
    const past = this.held.get(id) ?? [];
    const history = [...past];
    for (const input of inputs) history.push(extended(history.at(-1) ?? 1, input));
    const kind = sequence.wants(count);
    // What a sweep saw is computed again with the next, so nothing of it stays.
    if (kind === 'swept') return { kind, states: history.slice(past.length).map(stateOf) };
    this.held.put(id, history);
    const tokensFed = tokensIn(inputs);
    this.#note(id, {
      tokensFed,
      entries: state.phase === 'opening' ? 1 : 0,
      thoughts: kind === 'hidden' || kind === 'traced' ? 1 : 0,
      refined: state.phase === 'refining' ? inputs.length - tokensFed : 0,
      logits: kind === 'logits' ? 1 : 0,
    });
    return outputOf(history.at(-1)!, kind);
  }

  fork(from: number, to: number): void {
    this.held.fork(from, to);
    this.#ledgers.set(to, this.ledgerOf(from));
  }

  reuse(sequence: Sequence): void {
    const { id, cacheScope, wanted } = sequence;
    const match = cacheScope === undefined ? null : this.#prefixes.match(cacheScope, wanted);
    if (!match) return;
    const found = match.inputs.slice(0, match.length);
    const count = sequence.resume(found);
    if (count > 0) this.held.put(id, toHistory(match.rows).slice(0, count));
    this.#note(id, {
      tokensReused: tokensIn(found.slice(0, count)),
      thoughtsReused: found.length - tokensIn(found),
    });
  }

  get kvUsage(): number {
    return this.held.usage;
  }

  free({ id, fed, cacheScope, request }: Sequence): void {
    const history = this.held.get(id);
    if (history && history.length !== fed.length) {
      throw new Error(`sequence ${id} was fed ${fed.length} inputs and holds ${history.length}`);
    }
    if (history && cacheScope !== undefined) {
      const owner = request.cacheOwner ?? cacheScope;
      const byteLength = 2 * history.length * Float32Array.BYTES_PER_ELEMENT;
      this.#prefixes.keep(cacheScope, fed, { owner, byteLength, keep: () => toRows(history) });
    }
    this.held.free(id);
  }

  purge(id: number): void {
    this.held.free(id);
  }

  ledgerOf(id: number): Ledger {
    return this.#ledgers.get(id) ?? nothingYet;
  }

  #note(id: number, more: Partial<Ledger>): void {
    const ledger = { ...this.ledgerOf(id) };
    for (const key of Object.keys(more) as (keyof Ledger)[]) ledger[key] += more[key] ?? 0;
    this.#ledgers.set(id, ledger);
  }
}

const tokensIn = (inputs: readonly Input[]) =>
  inputs.filter((input) => typeof input === 'number').length;

// Sixteen bits each: whole numbers that float32 keeps.
const halves = (hash: number) => [hash >>> 16, hash & 0xffff];
const toRows = (history: History) => Float32Array.from(history.flatMap(halves));
const toHistory = (rows: Float32Array): History =>
  Array.from(
    { length: rows.length / 2 },
    (_, i) => (rows[2 * i]! * 2 ** 16 + rows[2 * i + 1]!) >>> 0,
  );

function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** A thought is told from a token of the same number. */
function extended(hash: number, input: Input): number {
  return typeof input === 'number' ? mix(hash, input) : input.reduce(mix, mix(hash, -1));
}

const stateOf = (hash: number) => Float32Array.from(halves(hash));

function outputOf(hash: number, kind: Exclude<RowOutput['kind'], 'swept'>): RowOutput {
  const logits = () => Float32Array.from({ length: vocabSize }, (_, id) => mix(hash, id) / 2 ** 31);
  if (kind === 'hidden') return { kind, hidden: stateOf(hash) };
  if (kind === 'traced') return { kind, hidden: stateOf(hash), logits: logits() };
  if (kind === 'logits') return { kind, logits: logits() };
  return { kind };
}
