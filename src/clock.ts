// One clock for the threads of a process: each thread's performance.now() counts from its own start.

/** Milliseconds from some moment in the past. */
export const clockMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Milliseconds from the start of the process to a moment of clockMs(). Of the main thread only. */
export const sinceProcessStart = (momentMs: number): number =>
  performance.now() - (clockMs() - momentMs);
