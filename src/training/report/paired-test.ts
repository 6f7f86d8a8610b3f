// McNemar's test in its exact form, on the items that two systems answered.

export type McNemar = { onlyFirst: number; onlySecond: number; p: number };

/** The items that only one gets right, against a fair coin, two-sided. */
export function mcNemar(first: readonly boolean[], second: readonly boolean[]): McNemar {
  if (first.length !== second.length)
    throw new Error(`paired test: ${first.length} items against ${second.length}`);
  const onlyFirst = first.filter((right, i) => right && !second[i]).length;
  const onlySecond = second.filter((right, i) => right && !first[i]).length;
  const n = onlyFirst + onlySecond;
  let [logTerm, tail] = [-n * Math.LN2, 0]; // log of C(n, k) / 2^n, summed for k up to the smaller count
  for (let k = 0; k <= Math.min(onlyFirst, onlySecond); k++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((n - k) / (k + 1));
  }
  return { onlyFirst, onlySecond, p: Math.min(1, 2 * tail) };
}

/** Small probabilities as a bound. */
export const probability = (p: number): string => (p < 0.001 ? '< 0.001' : p.toFixed(3));
