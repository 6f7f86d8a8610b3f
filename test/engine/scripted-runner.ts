// A model without tensors: states and logits are a function of how much was fed. It records every
// batch, and breaks where it is told to.
import type { Runner } from '../../src/engine/model-runner.ts';
import type { RowOutput } from '../../src/engine/row-output.ts';
import type { Batch } from '../../src/engine/scheduler.ts';
import type { Sequence } from '../../src/engine/sequence.ts';
import { SlotBook } from './slot-book.ts';

const vocabSize = 16;

export class ScriptedRunner implements Runner {
  /** Inputs that stand in each slot. */
  readonly held: SlotBook<number>;
  readonly batches: { kind: Batch['kind']; rows: { id: number; count: number }[] }[] = [];
  /** Inputs fed by each sequence, all told; kept after its slot is freed. */
  readonly fed = new Map<number, number>();
  /** From this sum of inputs on, a sequence's logits are not numbers. */
  readonly #breaksAt: number;

  constructor(slots: number, breaksAt = Number.POSITIVE_INFINITY) {
    this.held = new SlotBook(slots);
    this.#breaksAt = breaksAt;
  }

  async run({ kind, rows }: Batch): Promise<RowOutput[]> {
    if (rows.length === 0) throw new Error('a batch without rows');
    this.batches.push({
      kind,
      rows: rows.map(({ sequence, count }) => ({ id: sequence.id, count })),
    });
    return rows.map(({ sequence, count }) => {
      const inputs = sequence.inputs(count);
      if (inputs.length !== count || count < 1)
        throw new Error(`${inputs.length} of ${count} inputs`);
      const total = (this.held.get(sequence.id) ?? 0) + count;
      this.#hold(sequence.id, total);
      return scriptedOutput(sequence.wants(count), total >= this.#breaksAt ? Number.NaN : total);
    });
  }

  fork(from: number, to: number): void {
    this.held.fork(from, to);
    // What it holds is what both were fed, but it was computed once.
    this.fed.set(to, this.fed.get(from) ?? 0);
  }

  reuse(): void {}

  get kvUsage(): number {
    return this.held.usage;
  }

  free({ id }: Sequence): void {
    this.held.free(id);
  }

  purge(id: number): void {
    this.held.free(id);
  }

  #hold(id: number, total: number): void {
    this.held.put(id, total);
    this.fed.set(id, total);
  }
}

function scriptedOutput(kind: RowOutput['kind'], total: number): RowOutput {
  if (kind === 'swept') throw new Error('the scripted model refines no thoughts');
  if (kind === 'traced') throw new Error('the scripted model has no words for its thoughts');
  if (kind === 'hidden') return { kind, hidden: Float32Array.of(total, -total) };
  if (kind === 'nothing') return { kind };
  const logits = Float32Array.from({ length: vocabSize }, (_, id) =>
    id === total % vocabSize ? 5 : 0,
  );
  return { kind, logits: Number.isNaN(total) ? logits.fill(Number.NaN) : logits };
}
