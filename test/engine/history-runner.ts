// A model whose every output is a hash of all that its sequence was fed: rows, slots or thoughts
// that get mixed up change the text. Keeps the books that a request's usage is held against.
import type { Runner } from '../../src/engine/model-runner.ts';
import type { Batch } from '../../src/engine/scheduler.ts';
import type { Input, RowOutput, Sequence } from '../../src/engine/sequence.ts';

const vocabSize = 8;

/** What was computed for a sequence, its leader's part included. */
export type Ledger = { tokensFed: number; thoughts: number; logits: number };

export class HistoryRunner implements Runner {
  /** Hash of the history of each sequence that has a slot. */
  readonly held = new Map<number, number>();
  /** Kept after the slot is freed. */
  readonly ledgers = new Map<number, Ledger>();
  readonly #slots: number;

  constructor(slots: number) {
    this.#slots = slots;
  }

  async run({ rows }: Batch): Promise<RowOutput[]> {
    return rows.map(({ sequence, count }) => {
      const { id } = sequence;
      const inputs = sequence.inputs(count);
      const hash = inputs.reduce(extended, this.held.get(id) ?? 1);
      const output = outputOf(hash, sequence.wants(count));
      const ledger = this.ledgerOf(id);
      this.#hold(id, hash);
      this.ledgers.set(id, {
        tokensFed: ledger.tokensFed + inputs.filter((input) => typeof input === 'number').length,
        thoughts: ledger.thoughts + (output.kind === 'hidden' ? 1 : 0),
        logits: ledger.logits + (output.kind === 'logits' ? 1 : 0),
      });
      return output;
    });
  }

  fork(from: number, to: number): void {
    const hash = this.held.get(from);
    if (hash === undefined || this.held.has(to)) throw new Error(`fork of ${from} to ${to}`);
    this.#hold(to, hash);
    this.ledgers.set(to, this.ledgerOf(from));
  }

  /** Keeps nothing for others: what a request is given is what it computed. */
  reuse(): void {}

  get kvUsage(): number {
    return this.held.size / this.#slots;
  }

  free({ id }: Sequence): void {
    this.held.delete(id);
  }

  purge(id: number): void {
    this.held.delete(id);
  }

  ledgerOf(id: number): Ledger {
    return this.ledgers.get(id) ?? { tokensFed: 0, thoughts: 0, logits: 0 };
  }

  #hold(id: number, hash: number): void {
    this.held.set(id, hash);
    if (this.held.size > this.#slots) throw new Error(`${this.held.size} of ${this.#slots} slots`);
  }
}

function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** A thought is told from a token of the same number. */
function extended(hash: number, input: Input): number {
  return typeof input === 'number' ? mix(hash, input) : input.reduce(mix, mix(hash, -1));
}

function outputOf(hash: number, kind: RowOutput['kind']): RowOutput {
  if (kind === 'nothing') return { kind };
  // Sixteen bits each: whole numbers that float32 keeps.
  if (kind === 'hidden') return { kind, hidden: Float32Array.of(hash >>> 16, hash & 0xffff) };
  if (kind === 'traced') throw new Error('the hashing model has no words for its thoughts');
  const logits = Float32Array.from({ length: vocabSize }, (_, id) => mix(hash, id) / 2 ** 31);
  return { kind, logits };
}
