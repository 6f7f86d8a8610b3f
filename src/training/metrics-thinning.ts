// A run's log made small enough to keep beside its checkpoint: lines left out, figures rounded. Pure.
import { fewerDigits } from './fewer-digits.ts';
import type { MetricsLine } from './run-directory.ts';

/**
 * Every validation, every n-th train step, and of each stretch between the steps of highest loss and of highest
 * gradient norm: spikes survive. About `limit` train lines, in order.
 */
export function thinMetrics(lines: readonly MetricsLine[], limit: number): MetricsLine[] {
  const train = lines.filter(({ kind }) => kind === 'train');
  const stretch = Math.max(1, Math.ceil((3 * train.length) / limit));
  const kept = new Set(lines.filter(({ kind }) => kind !== 'train'));
  for (let start = 0; start < train.length; start += stretch) {
    const lines = train.slice(start, start + stretch);
    const highest = (key: string) =>
      lines.reduce((a, b) => (Number(b[key]) > Number(a[key]) ? b : a));
    for (const line of [lines[0]!, highest('loss'), highest('gradNorm')]) kept.add(line);
  }
  const last = train.at(-1);
  if (last) kept.add(last);
  return lines.filter((line) => kept.has(line)).map(rounded);
}

function rounded(line: MetricsLine): MetricsLine {
  const entries = Object.entries(line).map(([key, value]) => [key, fewerDigits(value)]);
  return Object.fromEntries(entries) as MetricsLine;
}
