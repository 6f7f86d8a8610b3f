// The engine's iteration: schedule → run → advance. Knows neither threads nor tensors, so that
// tests can drive it with a scripted runner.
import { setTimeout as delay } from 'node:timers/promises';
import type { CancelStage, StepReport, TokenEvent } from './messages.ts';
import type { Runner } from './model-runner.ts';
import type { RowOutput } from './row-output.ts';
import { type BatchRow, Scheduler, type SchedulerLimits } from './scheduler.ts';
import type { Sequence } from './sequence.ts';
import { clockOf, stageOf } from './sequence-state.ts';

/** Milliseconds that the others of a batch wait for a mask that is late. */
const maskPatienceMs = 5;

export type StepOutcome = {
  events: { id: number; event: TokenEvent }[];
  /** Requests that ended by an error of their own. */
  failures: { id: number; message: string }[];
  report: StepReport;
};

export class StepLoop {
  readonly #runner: Runner;
  readonly #scheduler: Scheduler;
  readonly #now: () => number;
  /** Last events of sequences that were ended between two steps. */
  readonly #endings: StepOutcome['events'] = [];
  /** By the first id of its choices, which are called off one after another: where the first of them was. */
  readonly #cancelled = new Map<number, CancelStage>();

  /** @param now milliseconds on a monotonic clock */
  constructor(runner: Runner, limits: SchedulerLimits, now: () => number) {
    this.#runner = runner;
    this.#scheduler = new Scheduler(limits);
    this.#now = now;
  }

  get isIdle(): boolean {
    return this.#scheduler.running.length + this.#scheduler.waiting.length === 0;
  }

  submit(sequence: Sequence): void {
    this.#scheduler.submit(sequence);
  }

  /** Frees its slot at once; its last event comes with the next step. Not in the middle of one. */
  abort(id: number, isCancelled = true): void {
    const sequence = this.#scheduler.find(id);
    if (!sequence) return;
    const { firstId, state } = sequence;
    if (isCancelled && !this.#cancelled.has(firstId)) {
      this.#cancelled.set(firstId, stageOf[clockOf[state.phase]]);
    }
    this.#endEarly(sequence, 'aborted');
  }

  /** The requests of which no choice is left. */
  #takeCancelled(): CancelStage[] {
    if (this.#cancelled.size === 0) return [];
    const live = new Set(this.#live().map(({ firstId }) => firstId));
    const over = [...this.#cancelled].filter(([firstId]) => !live.has(firstId));
    for (const [firstId] of over) this.#cancelled.delete(firstId);
    return over.map(([, stage]) => stage);
  }

  #live(): Sequence[] {
    return [...this.#scheduler.running, ...this.#scheduler.waiting];
  }

  /**
   * One engine step; null when there is nothing to do. Ends what is past its deadline first. After
   * the abort of the last request it has no rows and only tells of the abort. Rejects when the run
   * itself fails.
   */
  async step(): Promise<StepOutcome | null> {
    const startMs = this.#now();
    for (const sequence of this.#live()) {
      if (sequence.expiresAtMs <= startMs) this.#endEarly(sequence, 'expired');
    }
    await this.#settleMasks();
    const events = this.#endings.splice(0);
    const failures = this.#choose(events);
    const batch = this.#scheduler.next(startMs, (sequence) => this.#runner.reuse(sequence));
    if (!batch && events.length + failures.length === 0) return null;
    const rows = batch?.rows ?? [];
    const rowCounts = countRows(rows);
    if (batch) failures.push(...this.#advance(rows, await this.#runner.run(batch), events));
    const report = {
      durationMs: this.#now() - startMs,
      ...rowCounts,
      running: this.#scheduler.running.length,
      waiting: this.#scheduler.waiting.length,
      kvUsage: this.#runner.kvUsage,
      cancelled: this.#takeCancelled(),
    };
    return { events, failures, report };
  }

  /** The engine's thread hears of masks between two steps only: most are there when it looks. */
  async #settleMasks(): Promise<void> {
    const late = this.#choosing().flatMap(({ grammar }) =>
      grammar && !grammar.isSettled ? grammar.settled() : [],
    );
    if (late.length === 0) return;
    await Promise.race([Promise.all(late), delay(maskPatienceMs)]);
  }

  #choosing(): Sequence[] {
    return this.#scheduler.running.filter(({ state }) => state.phase === 'choosing');
  }

  /** Draws the tokens whose masks came since the last run. */
  #choose(events: StepOutcome['events']): StepOutcome['failures'] {
    const failures: StepOutcome['failures'] = [];
    const nowMs = this.#now();
    for (const sequence of this.#choosing()) {
      if (!sequence.grammar?.isSettled) continue;
      this.#move(sequence, () => sequence.choose(nowMs), { events, failures });
    }
    return failures;
  }

  #endEarly(sequence: Sequence, reason: 'aborted' | 'expired'): void {
    this.#scheduler.remove(sequence);
    this.#runner.free(sequence);
    sequence.grammar?.close();
    this.#endings.push({ id: sequence.id, event: sequence.end(reason, this.#now()) });
  }

  /** Adds to `events`; returns the failures. */
  #advance(
    rows: readonly BatchRow[],
    outputs: readonly RowOutput[],
    events: StepOutcome['events'],
  ): StepOutcome['failures'] {
    const failures: StepOutcome['failures'] = [];
    const nowMs = this.#now();
    const move = (sequence: Sequence, produce: () => TokenEvent[]) =>
      this.#move(sequence, produce, { events, failures });
    rows.forEach(({ sequence, count }, i) => {
      const output = outputs[i] as RowOutput;
      const followers = output.kind === 'logits' ? this.#scheduler.followersOf(sequence) : [];
      // Before anything else: the leader may end, and leave its slot, with this very token.
      for (const { id } of followers) this.#runner.fork(sequence.id, id);
      move(sequence, () => sequence.advance(count, output, nowMs));
      if (output.kind !== 'logits') return;
      for (const follower of followers) {
        move(follower, () => follower.join(sequence, output.logits, nowMs));
      }
    });
    return failures;
  }

  /** Adds to `events` and `failures`. */
  #move(
    sequence: Sequence,
    produce: () => TokenEvent[],
    { events, failures }: Pick<StepOutcome, 'events' | 'failures'>,
  ): void {
    const { id } = sequence;
    try {
      events.push(...produce().map((event) => ({ id, event })));
      if (sequence.state.phase !== 'finished') return;
      this.#runner.free(sequence);
    } catch (error) {
      // What one row computed is its own trouble: the others of the batch go on.
      failures.push({ id, message: (error as Error).message });
      this.#runner.purge(id);
    }
    sequence.grammar?.close();
    this.#scheduler.remove(sequence);
  }
}

/** Before the run: afterwards the sequences are elsewhere. */
function countRows(rows: readonly BatchRow[]) {
  const longest = Math.max(0, ...rows.map((row) => row.count));
  const count = (phase: string) =>
    rows.filter(({ sequence }) => sequence.state.phase === phase).length;
  return {
    prefillRows: count('prefilling'),
    latentRows: count('opening') + count('thinking') + count('refining'),
    decodeRows: count('answering'),
    paddedPositions: rows.length * longest - rows.reduce((sum, row) => sum + row.count, 0),
  };
}
