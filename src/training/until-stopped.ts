// What SIGTERM and SIGINT mean to a training: finish the step, save it, and say so by the exit code.

/** sysexits' EX_TEMPFAIL: stopped by a signal, saved, to be gone on with. deploy/ knows it. */
export const exitStopped = 75;

const STOPPING = ['SIGTERM', 'SIGINT'] as const;

/** A signal to the whole process group comes twice where npm passes it on as well. */
const SAME_SIGNAL_MS = 1000;

/**
 * Runs `body` with a signal that SIGTERM or SIGINT aborts. Whoever signals once more does not want to wait for the
 * step's end; whoever signals when `body` is over ends the process, as ever.
 */
export async function untilStopped<T>(body: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  let firstMs = Number.NaN;
  const onSignal = () => {
    if (performance.now() - firstMs > SAME_SIGNAL_MS) process.exit(1);
    if (!stop.signal.aborted) firstMs = performance.now();
    stop.abort();
  };
  for (const signal of STOPPING) process.on(signal, onSignal);
  try {
    return await body(stop.signal);
  } finally {
    for (const signal of STOPPING) process.off(signal, onSignal);
  }
}
