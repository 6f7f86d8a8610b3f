// What holds up the event loop: its longest turns, and what of each was work on this thread, waiting for a core, or
// garbage collection. A machine that is too busy, or a container's CPU limit, shows as lag like our own work does.
import { openSync, readSync } from 'node:fs';
import { type PerformanceEntry, PerformanceObserver, performance } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

/** Milliseconds. `wall` is between two ticks, so it may hold up to `tickMs` of sleep. */
type Turn = { start: number; wall: number; gc: number } & ThreadTimes;
type ThreadTimes = { cpu: number; runqueue: number };

const tickMs = 10;
/** The longest turns are kept for one to two of these: scrapers that come less often miss some. */
const windowMs = 30_000;

/** Measures until the process ends. Exports only `wall` and `gc` where the system does not tell a thread's times. */
export function watchEventLoop({ coconut_event_loop_turn_seconds: gauge }: Metrics): void {
  const threadTimes = threadClock();
  const parts = ['wall', 'gc', ...(threadTimes ? (['cpu', 'runqueue'] as const) : [])] as const;
  const read = () => ({
    start: performance.now(),
    ...(threadTimes?.() ?? { cpu: 0, runqueue: 0 }),
  });
  const maxima = [
    { name: 'longest', maximum: new SlidingMaximum((turn) => turn.wall) },
    { name: 'busiest', maximum: new SlidingMaximum((turn) => turn.cpu) },
  ];
  const tell = (turn: string, times: Turn) => {
    for (const part of parts) gauge.set({ turn, part }, times[part] / 1000);
  };
  let last = read();
  let gc = 0;
  const tick = () => {
    const now = read();
    const { start, cpu, runqueue } = last;
    const wall = now.start - start;
    const turn = { start, wall, gc, cpu: now.cpu - cpu, runqueue: now.runqueue - runqueue };
    [last, gc] = [now, 0];
    for (const { name, maximum } of maxima) if (maximum.add(turn)) tell(name, maximum.turn);
  };
  setInterval(tick, tickMs).unref();
  const observer = new PerformanceObserver((list) => {
    for (const pause of list.getEntries()) {
      if (pause.startTime >= last.start) gc += pause.duration;
      // Some are told after the tick that ended their turn.
      else
        for (const { name, maximum } of maxima) if (maximum.addGc(pause)) tell(name, maximum.turn);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
}

/** The greatest turn of this window and the last one. */
class SlidingMaximum {
  readonly #sizeOf: (turn: Turn) => number;
  #before: Turn = { start: 0, wall: 0, gc: 0, cpu: 0, runqueue: 0 };
  #current = this.#before;
  #endsMs = 0;

  constructor(sizeOf: (turn: Turn) => number) {
    this.#sizeOf = sizeOf;
  }

  get turn(): Turn {
    return this.#sizeOf(this.#current) > this.#sizeOf(this.#before) ? this.#current : this.#before;
  }

  /** @returns whether `turn` may be another one now */
  add(turn: Turn): boolean {
    const isOver = turn.start >= this.#endsMs;
    if (isOver) {
      this.#before = this.#current;
      this.#endsMs = turn.start + windowMs;
    }
    const isGreater = isOver || this.#sizeOf(turn) > this.#sizeOf(this.#current);
    if (isGreater) this.#current = { ...turn };
    return isGreater;
  }

  /** @returns whether the pause was in the greatest turn */
  addGc({ startTime, duration }: PerformanceEntry): boolean {
    const { start, wall } = this.turn;
    const isWithin = startTime >= start && startTime < start + wall;
    if (isWithin) this.turn.gc += duration;
    return isWithin;
  }
}

/** Milliseconds that this thread computed, and stood ready without a core; null where Linux does not say. */
function threadClock(): (() => ThreadTimes) | null {
  const text = Buffer.alloc(64);
  try {
    const file = openSync('/proc/thread-self/schedstat', 'r');
    return () => {
      const length = readSync(file, text, 0, text.length, 0);
      const [cpu = 0, runqueue = 0] = text.toString('latin1', 0, length).split(' ').map(Number);
      return { cpu: cpu / 1e6, runqueue: runqueue / 1e6 };
    };
  } catch {
    return null;
  }
}
