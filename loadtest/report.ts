// Outcomes → figures → a table and JSON. Percentiles only: a mean hides the slow requests.
import type { PointResult } from './arrivals.ts';
import type { Answered } from './chat-client.ts';
import { percentile } from './percentile.ts';

/** The arrival process of one measured point. */
export type Load =
  | { kind: 'closed'; concurrency: number }
  | { kind: 'open'; requestsPerSecond: number };

export type Spread = { p50: number; p90: number; p99: number };

export type PointReport = {
  load: Load;
  answered: number;
  /** Message → how often. */
  errors: Record<string, number>;
  dropped: number;
  latestSendMs: number;
  seconds: number;
  requestsPerSecond: number;
  textTokensPerSecond: number;
  thoughtsPerSecond: number;
  thoughtsPerAnswer: number;
  textTokensPerAnswer: number;
  /** Null where no request was answered; timePerOutputTokenMs also where no answer had two tokens. */
  timeToFirstTokenMs: Spread | null;
  timePerOutputTokenMs: Spread | null;
  latentMs: Spread | null;
  totalMs: Spread | null;
};

export function reportPoint(load: Load, result: PointResult): PointReport {
  const answered = result.outcomes.filter((outcome) => outcome.kind === 'answered');
  const errors: Record<string, number> = {};
  for (const outcome of result.outcomes) {
    if (outcome.kind === 'failed') errors[outcome.error] = (errors[outcome.error] ?? 0) + 1;
  }
  const sum = (of: (answer: Answered) => number) => answered.reduce((n, a) => n + of(a), 0);
  const thoughts = sum((answer) => answer.thoughts);
  const textTokens = sum((answer) => answer.textTokens);
  const each = (of: (answer: Answered) => number) => spread(answered.map(of));
  return {
    load,
    answered: answered.length,
    errors,
    dropped: result.dropped,
    latestSendMs: result.latestSendMs,
    seconds: result.seconds,
    requestsPerSecond: answered.length / result.seconds,
    textTokensPerSecond: textTokens / result.seconds,
    thoughtsPerSecond: thoughts / result.seconds,
    thoughtsPerAnswer: thoughts / Math.max(1, answered.length),
    textTokensPerAnswer: textTokens / Math.max(1, answered.length),
    timeToFirstTokenMs: each((answer) => answer.firstTextMs),
    timePerOutputTokenMs: spread(answered.flatMap(timePerOutputTokenMs)),
    latentMs: each((answer) => answer.latentMs),
    totalMs: each((answer) => answer.totalMs),
  };
}

const timePerOutputTokenMs = ({ firstTextMs, lastTextMs, textTokens }: Answered): number[] =>
  textTokens > 1 ? [(lastTextMs - firstTextMs) / (textTokens - 1)] : [];

function spread(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const at = (percent: number) => percentile(sorted, percent);
  return { p50: at(50), p90: at(90), p99: at(99) };
}

const columns: readonly [string, (point: PointReport) => string][] = [
  ['load', ({ load }) => loadName(load)],
  ['ok', (point) => String(point.answered)],
  ['failed', ({ errors, dropped }) => String(failures(errors) + dropped)],
  ['req/s', (point) => point.requestsPerSecond.toFixed(1)],
  ['text tok/s', (point) => point.textTokensPerSecond.toFixed(0)],
  ['thoughts/s', (point) => point.thoughtsPerSecond.toFixed(0)],
  ['thoughts', (point) => point.thoughtsPerAnswer.toFixed(1)],
  ['TTFT ms', (point) => spreadText(point.timeToFirstTokenMs)],
  ['latent ms', (point) => spreadText(point.latentMs)],
  ['TPOT ms', (point) => spreadText(point.timePerOutputTokenMs)],
  ['total ms', (point) => spreadText(point.totalMs)],
];

const footnote = `Times are p50 / p90 / p99 at the client, warm-up left out.
TTFT: sent to first visible text, so after all thoughts. latent: thinking alone, as the server says.
TPOT: (last text - first text) / (text tokens - 1). failed counts errors and unsent arrivals.`;

export function tableText(points: readonly PointReport[]): string {
  const rows = [columns.map(([name]) => name)];
  for (const point of points) rows.push(columns.map(([, text]) => text(point)));
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) => row.map((cell, i) => cell.padStart(widths[i]!)).join('  ');
  return `${rows.map(line).join('\n')}\n\n${footnote}\n`;
}

const loadName = (load: Load): string =>
  load.kind === 'closed' ? `${load.concurrency} at once` : `${load.requestsPerSecond.toFixed(1)}/s`;

const spreadText = (value: Spread | null): string =>
  value === null ? '-' : [value.p50, value.p90, value.p99].map((ms) => ms.toFixed(1)).join(' / ');

const failures = (errors: Record<string, number>): number =>
  Object.values(errors).reduce((total, count) => total + count, 0);
