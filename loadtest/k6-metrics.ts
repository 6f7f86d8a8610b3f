// What k6/metrics does, as far as loadtest/k6 uses it: samples, their summary, and thresholds on it.
import { percentile } from './percentile.ts';

export type MetricKind = 'trend' | 'counter' | 'rate';
export type MetricValues = Record<string, number>;
export type MetricSummary = {
  type: MetricKind;
  values: MetricValues;
  thresholds: Record<string, { ok: boolean }>;
};

type Metric = { kind: MetricKind; samples: number[] };

/** All metrics of one run, built-in and the script's own, by name. */
export class MetricStore {
  readonly #metrics = new Map<string, Metric>();

  /** The same metric for the same name, as in k6; two kinds under one name are an error. */
  metric(name: string, kind: MetricKind): Metric {
    const metric = this.#metrics.get(name) ?? { kind, samples: [] };
    if (metric.kind !== kind) {
      throw new Error(`metric "${name}" is a ${metric.kind} and cannot be a ${kind} too`);
    }
    this.#metrics.set(name, metric);
    return metric;
  }

  add(name: string, kind: MetricKind, value: number | boolean): void {
    const sample = Number(value);
    if (!Number.isFinite(sample)) throw new Error(`metric "${name}": ${value} is no number`);
    this.metric(name, kind).samples.push(sample);
  }

  summary(
    thresholds: Record<string, readonly string[]>,
    trendStats: readonly string[],
    seconds: number,
  ): Record<string, MetricSummary> {
    const unknown = Object.keys(thresholds).filter((name) => !this.#metrics.has(name));
    if (unknown.length > 0) throw new Error(`thresholds on no metric: ${unknown.join(', ')}`);
    const entries = [...this.#metrics].map(([name, { kind, samples }]) => {
      const stats = [...trendStats, ...(thresholds[name] ?? []).map((text) => parse(text).stat)];
      const values = summarize(kind, samples, stats, seconds);
      const results = (thresholds[name] ?? []).map(
        (text) => [text, { ok: holds(text, values, samples.length) }] as const,
      );
      return [name, { type: kind, values, thresholds: Object.fromEntries(results) }] as const;
    });
    return Object.fromEntries(entries);
  }
}

function summarize(
  kind: MetricKind,
  samples: readonly number[],
  trendStats: readonly string[],
  seconds: number,
): MetricValues {
  const sum = samples.reduce((total, sample) => total + sample, 0);
  if (kind === 'counter') return { count: sum, rate: sum / seconds };
  if (kind === 'rate') {
    const fails = samples.length - sum;
    return { rate: samples.length === 0 ? 0 : sum / samples.length, passes: sum, fails };
  }
  if (samples.length === 0) return {};
  const sorted = Float64Array.from(samples).sort();
  return Object.fromEntries(trendStats.map((stat) => [stat, trendStat(stat, sorted, sum)]));
}

function trendStat(stat: string, sorted: Float64Array, sum: number): number {
  if (stat === 'avg') return sum / sorted.length;
  if (stat === 'count') return sorted.length;
  const named: Record<string, number> = { min: 0, med: 50, max: 100 };
  const percent = named[stat] ?? Number(/^p\((\d+(?:\.\d+)?)\)$/.exec(stat)?.[1]);
  if (Number.isNaN(percent)) throw new Error(`unknown trend statistic "${stat}"`);
  return percentile(sorted, percent);
}

const comparisons: Record<string, (a: number, b: number) => boolean> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};

function parse(threshold: string) {
  const match = /^\s*([a-z]+(?:\([\d.]+\))?)\s*(<=|>=|==|!=|<|>)\s*(-?[\d.]+)\s*$/.exec(threshold);
  if (!match) throw new Error(`cannot read threshold "${threshold}"`);
  const [, stat, comparison, limit] = match as unknown as [string, string, string, string];
  return { stat, compare: comparisons[comparison] as (typeof comparisons)[string], limit: +limit };
}

/** As in k6, a trend or rate without a sample breaks no threshold. */
function holds(threshold: string, values: MetricValues, samples: number): boolean {
  const { stat, compare, limit } = parse(threshold);
  if (samples === 0 && !('count' in values)) return true;
  const value = values[stat];
  if (value === undefined) throw new Error(`threshold "${threshold}": there is no ${stat}`);
  return compare(value, limit);
}
