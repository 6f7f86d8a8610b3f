// The one definition of a percentile that all reports use.

/** Linear between the two nearest ranks; `sorted` ascending and not empty. */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  const rank = (percent / 100) * (sorted.length - 1);
  const below = Math.floor(rank);
  const low = sorted[below] as number;
  const high = sorted[Math.ceil(rank)] as number;
  return low + (high - low) * (rank - below);
}
