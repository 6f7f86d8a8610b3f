// Timings → figures. Pure.
import type { Timing } from './peer.ts';

export type Rate = {
  /** Outputs per second, all rows together. */
  perSecond: number;
  /** Of the processor, per output; says more than a clock on a busy machine. */
  processorMs: number;
};

/**
 * Between the moment at which every row has its first output and that at which the first row ends: the
 * batch is then full, and no prompt is being read. Throws where fewer than two outputs per row came.
 */
export function fullBatchRate({ ms, processorMs }: Timing): Rate {
  const from = Math.max(...ms.map((row) => row[0] ?? Infinity));
  const to = Math.min(...ms.map((row) => row.at(-1) ?? -Infinity));
  const inside = ms.flatMap((row, r) =>
    row.flatMap((at, i) => (at > from && at <= to ? [processorMs[r]![i]!] : [])),
  );
  const atStart = ms.flatMap((row, r) => processorMs[r]!.filter((_, i) => row[i] === from));
  if (inside.length === 0 || to <= from) {
    throw new Error(`${ms.length} rows of ${ms[0]?.length} outputs: the batch was never full`);
  }
  return {
    perSecond: (1000 * inside.length) / (to - from),
    processorMs: (Math.max(...inside) - Math.max(...atStart)) / inside.length,
  };
}

/** Prompt tokens per second up to the first output of a single row. */
export function prefillRate({ ms }: Timing, promptTokens: number): number {
  return (1000 * promptTokens) / ms[0]![0]!;
}

/** How many tokens two greedy continuations have in common before they part. */
export function agreement(a: readonly number[], b: readonly number[]): number {
  const parting = a.findIndex((id, i) => id !== b[i]);
  return parting === -1 ? a.length : parting;
}
