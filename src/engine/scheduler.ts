// Who computes next: pure policy over sequences, decided anew for every engine step. First come,
// first admitted; knows no tensors, no slots' places and no clock.
import type { Sequence } from './sequence.ts';

export type SchedulerLimits = {
  /** Sequences that are admitted at a time. */
  slots: number;
  /** B·T of a prefill batch at most, padding included. */
  maxPrefillTokens: number;
};

/** A sequence and how many of its ready inputs are fed. */
export type BatchRow = { sequence: Sequence; count: number };

/** The rows are padded to the longest, so prompts and single positions do not share a batch. */
export type Batch = { kind: 'prefill' | 'decode'; rows: readonly BatchRow[] };

/** Share of a prefill batch that may be padding. */
const maxPadding = 0.25;

export class Scheduler {
  readonly #limits: SchedulerLimits;
  #waiting: Sequence[] = [];
  /** In order of arrival. */
  #running: Sequence[] = [];
  #lastKind: Batch['kind'] = 'decode';

  constructor(limits: SchedulerLimits) {
    this.#limits = limits;
  }

  get waiting(): readonly Sequence[] {
    return this.#waiting;
  }

  get running(): readonly Sequence[] {
    return this.#running;
  }

  submit(sequence: Sequence): void {
    this.#waiting.push(sequence);
  }

  find(id: number): Sequence | undefined {
    return [...this.#running, ...this.#waiting].find((sequence) => sequence.id === id);
  }

  /** The choices that wait for this one's last thought. */
  followersOf({ firstId }: Sequence): Sequence[] {
    const follows = ({ state }: Sequence) => state.phase === 'following';
    return this.#running.filter((other) => other.firstId === firstId && follows(other));
  }

  /** Takes the sequence out, whatever became of it; its slot is free for the next in line. */
  remove(sequence: Sequence): void {
    this.#waiting = this.#waiting.filter((other) => other !== sequence);
    this.#running = this.#running.filter((other) => other !== sequence);
  }

  /** Admits whoever fits (`beforeStart` may resume it), then picks the batch; null: nothing to do. */
  next(nowMs: number, beforeStart: (sequence: Sequence) => void): Batch | null {
    this.#admit(nowMs);
    this.#startOrphans(nowMs, beforeStart);
    const prefilling = this.#running.filter(({ state }) => state.phase === 'prefilling');
    const decoding = this.#running.filter(
      ({ state, ready }) => state.phase !== 'prefilling' && ready > 0,
    );
    if (prefilling.length + decoding.length === 0) return null;
    // Strictly in turn where both want to run: neither waits longer than one step of the other.
    const isPrefill =
      decoding.length === 0 || (prefilling.length > 0 && this.#lastKind === 'decode');
    this.#lastKind = isPrefill ? 'prefill' : 'decode';
    return isPrefill
      ? { kind: 'prefill', rows: this.#prefillRows(prefilling) }
      : { kind: 'decode', rows: decoding.map((sequence) => ({ sequence, count: sequence.ready })) };
  }

  /** The choices of a request come in together, or wait together, and the others behind them. */
  #admit(nowMs: number): void {
    for (let head = this.#waiting[0]; head; head = this.#waiting[0]) {
      const { firstId } = head;
      const choices = this.#waiting.filter((sequence) => sequence.firstId === firstId);
      if (this.#running.length + choices.length > this.#limits.slots) return;
      this.#waiting.splice(0, choices.length);
      for (const sequence of choices) sequence.follow(nowMs);
      this.#running.push(...choices);
    }
  }

  /** Of choices that follow nobody (just admitted, or theirs was aborted) the first leads. */
  #startOrphans(nowMs: number, beforeStart: (sequence: Sequence) => void): void {
    const leads = ({ state }: Sequence) =>
      state.phase === 'prefilling' || state.phase === 'thinking' || state.phase === 'refining';
    for (const sequence of this.#running) {
      const { firstId, state } = sequence;
      const isLed = this.#running.some((other) => other.firstId === firstId && leads(other));
      if (state.phase !== 'following' || isLed) continue;
      beforeStart(sequence);
      sequence.start(nowMs);
    }
  }

  /** The oldest prompt always runs; younger ones join while there is room and they waste little. */
  #prefillRows(prefilling: readonly Sequence[]): BatchRow[] {
    const { maxPrefillTokens } = this.#limits;
    const rows: BatchRow[] = [];
    let longest = 0;
    let used = 0;
    for (const sequence of prefilling) {
      const count = Math.min(sequence.ready, maxPrefillTokens);
      const padded = (rows.length + 1) * Math.max(longest, count);
      const isWasteful = used + count < (1 - maxPadding) * padded;
      if (padded > maxPrefillTokens || isWasteful) continue;
      rows.push({ sequence, count });
      longest = Math.max(longest, count);
      used += count;
    }
    return rows;
  }
}
