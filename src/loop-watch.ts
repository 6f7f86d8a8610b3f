// What holds up the event loop: its longest turns, and what of each was work on this thread, waiting for a core, or
// garbage collection. A machine that is too busy, or a container's CPU limit, shows as lag like our own work does.
import { openSync, readSync } from 'node:fs';
import { type PerformanceEntry, PerformanceObserver, performance } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

/** Milliseconds. `wall` is between two ticks, so it may hold up to `tickMs` of sleep. */
type Turn = { wall: number } & ThreadTimes & { gc: number };
type ThreadTimes = { cpu: number; runqueue: number };

const tickMs = 10;
/** The longest turns are kept for one to two of these; twice a usual scrape interval. */
const windowMs = 30_000;
const none: Turn = { wall: 0, cpu: 0, runqueue: 0, gc: 0 };

/** Measures until the process ends. Exports only `wall` and `gc` where the system does not tell a thread's times. */
export function watchEventLoop({ coconut_event_loop_turn_seconds: gauge }: Metrics): void {
  const threadTimes = threadClock();
  const parts = ['wall', 'gc', ...(threadTimes ? (['cpu', 'runqueue'] as const) : [])] as const;
  const turns = {
    longest: slidingMaximum((turn) => turn.wall),
    busiest: slidingMaximum((turn) => turn.cpu),
  };
  const gcPauses = gcClock();
  const read = () => ({
    wall: performance.now(),
    ...(threadTimes?.() ?? { cpu: 0, runqueue: 0 }),
    gc: gcPauses(),
  });
  let last = read();
  const tick = () => {
    const now = read();
    const turn = {
      wall: now.wall - last.wall,
      cpu: now.cpu - last.cpu,
      runqueue: now.runqueue - last.runqueue,
      gc: now.gc - last.gc,
    };
    last = now;
    for (const [name, maximum] of Object.entries(turns)) {
      if (!maximum.add(turn, now.wall)) continue;
      for (const part of parts) gauge.set({ turn: name, part }, maximum.turn[part] / 1000);
    }
  };
  setInterval(tick, tickMs).unref();
}

/** The greatest turn of this window and the last one. */
function slidingMaximum(sizeOf: (turn: Turn) => number) {
  let [before, current, endsMs] = [none, none, 0];
  const greater = (a: Turn, b: Turn) => (sizeOf(b) > sizeOf(a) ? b : a);
  return {
    get turn() {
      return greater(before, current);
    },
    /** @returns whether the maximum may have changed */
    add(turn: Turn, nowMs: number): boolean {
      const isOver = nowMs >= endsMs;
      if (isOver) [before, current, endsMs] = [current, none, nowMs + windowMs];
      const isGreater = sizeOf(turn) > sizeOf(current);
      if (isGreater) current = turn;
      return isOver || isGreater;
    },
  };
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

/** Milliseconds of all pauses so far. */
function gcClock(): () => number {
  let total = 0;
  const add = (entries: readonly PerformanceEntry[]) => {
    for (const { duration } of entries) total += duration;
  };
  const observer = new PerformanceObserver((list) => add(list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  return () => {
    // Those that it was not told of yet.
    add(observer.takeRecords());
    return total;
  };
}
