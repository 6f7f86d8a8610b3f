// A model without tensors: states and logits are a function of what was fed, slots are a set.
// It refuses whatever the real runner could not do.
import type { Runner } from '../../src/engine/model-runner.ts';
import type { Batch } from '../../src/engine/scheduler.ts';
import type { RowOutput, Sequence } from '../../src/engine/sequence.ts';

const vocabSize = 16;

export class ScriptedRunner implements Runner {
  readonly held = new Set<number>();
  readonly batches: { kind: Batch['kind']; rows: { id: number; count: number }[] }[] = [];
  /** Inputs fed by each sequence, all told. */
  readonly fed = new Map<number, number>();
  readonly #slots: number;
  /** From this sum of inputs on, a sequence's logits are not numbers. */
  readonly #breaksAt: number;

  constructor(slots: number, breaksAt = Number.POSITIVE_INFINITY) {
    this.#slots = slots;
    this.#breaksAt = breaksAt;
  }

  async run({ kind, rows }: Batch): Promise<RowOutput[]> {
    if (rows.length === 0) throw new Error('a batch without rows');
    for (const { sequence } of rows) this.held.add(sequence.id);
    if (this.held.size > this.#slots) throw new Error(`${this.held.size} of ${this.#slots} slots`);
    this.batches.push({
      kind,
      rows: rows.map(({ sequence, count }) => ({ id: sequence.id, count })),
    });
    return rows.map(({ sequence, count }) => {
      const inputs = sequence.inputs(count);
      if (inputs.length !== count || count < 1)
        throw new Error(`${inputs.length} of ${count} inputs`);
      const total = (this.fed.get(sequence.id) ?? 0) + count;
      this.fed.set(sequence.id, total);
      return scriptedOutput(sequence.wants(count), total >= this.#breaksAt ? Number.NaN : total);
    });
  }

  fork(from: number, to: number): void {
    if (!this.held.has(from) || this.held.has(to)) throw new Error(`fork of ${from} to ${to}`);
    this.held.add(to);
    if (this.held.size > this.#slots) throw new Error(`${this.held.size} of ${this.#slots} slots`);
    // What it holds is what both were fed, but it was computed once.
    this.fed.set(to, this.fed.get(from) ?? 0);
  }

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
}

function scriptedOutput(kind: RowOutput['kind'], total: number): RowOutput {
  if (kind === 'traced') throw new Error('the scripted model has no words for its thoughts');
  if (kind === 'hidden') return { kind, hidden: Float32Array.of(total, -total) };
  if (kind === 'nothing') return { kind };
  const logits = Float32Array.from({ length: vocabSize }, (_, id) =>
    id === total % vocabSize ? 5 : 0,
  );
  return { kind, logits: Number.isNaN(total) ? logits.fill(Number.NaN) : logits };
}
