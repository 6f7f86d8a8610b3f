// A soak: many streams at once for a while, some hung up on at a random moment; what became of each, and
// how the server's memory and event loop fared. Judges only what must hold on any machine.
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../src/random.ts';
import { type ChatTarget, type Outcome, streamChat } from './chat-client.ts';
import { percentile } from './percentile.ts';

export type SoakLimits = {
  /** Requests in flight at any time. */
  streams: number;
  seconds: number;
  /** At most, over all streams. */
  requests: number;
  /** Share of the requests that are hung up on. */
  cancelShare: number;
  seed: number;
};

/**
 * A turn of the server's event loop, in milliseconds: by the clock, computing, waiting for a core, and collecting
 * garbage; NaN where its system does not say.
 */
export type LoopTurn = { wall: number; cpu: number; runqueue: number; gc: number };

/** Of the server, about once a second. */
export type Sample = {
  seconds: number;
  residentMB: number;
  loopLagMs: number;
  /** Of the last 30 seconds at least: longest by the clock, and by what it computed. */
  longestTurn: LoopTurn;
  busiestTurn: LoopTurn;
};

export type SoakReport = {
  seconds: number;
  answered: number;
  cancelled: number;
  /** Requests that nobody hung up on and that brought no whole answer, by what went wrong. */
  lost: Record<string, number>;
  answerMs: { p50: number; p99: number } | null;
  /** Requests that still run or wait in the server once all streams have ended. */
  leftOver: number;
  samples: Sample[];
};

/** How long the server may take to notice the last ones that hung up. */
const settleMs = 10_000;

export async function soak(
  target: ChatTarget,
  prompts: readonly string[],
  limits: SoakLimits,
): Promise<SoakReport> {
  const outcomes: Outcome[] = [];
  const started = performance.now();
  const sampling = new AbortController();
  const samples = sampleServer(target.url, started, sampling.signal);
  let sent = 0;
  const caller = async (_: unknown, index: number) => {
    const random = new Random(limits.seed + index);
    while (sent < limits.requests && performance.now() - started < limits.seconds * 1000) {
      const prompt = prompts[sent++ % prompts.length]!;
      outcomes.push(await oneRequest(target, prompt, limits.cancelShare, random, outcomes));
    }
  };
  const drive = async () => {
    try {
      await Promise.all(Array.from({ length: limits.streams }, caller));
      const seconds = (performance.now() - started) / 1000;
      return { seconds, leftOver: await untilIdle(target.url) };
    } finally {
      sampling.abort();
    }
  };
  // Together: where either fails the other is not left unheard.
  const [driven, sampled] = await Promise.all([drive(), samples]);
  return { ...driven, ...tally(outcomes), samples: sampled };
}

/** Random lengths; one that is to be hung up on is at a moment of an ordinary answer's time. */
function oneRequest(
  target: ChatTarget,
  prompt: string,
  cancelShare: number,
  random: Random,
  before: readonly Outcome[],
): Promise<Outcome> {
  const maxTokens = 8 + Math.floor(random.uniform() * (target.maxTokens - 8));
  const request = { ...target, maxTokens };
  if (random.uniform() >= cancelShare) return streamChat(request, prompt);
  const usualMs = before.findLast(({ kind }) => kind === 'answered')?.totalMs ?? 1000;
  return streamChat(request, prompt, AbortSignal.timeout(Math.ceil(random.uniform() * usualMs)));
}

function tally(outcomes: readonly Outcome[]) {
  const lost: Record<string, number> = {};
  const times: number[] = [];
  let cancelled = 0;
  for (const outcome of outcomes) {
    if (outcome.kind === 'answered') times.push(outcome.totalMs);
    else if (outcome.error === 'cancelled') cancelled++;
    else lost[outcome.error] = (lost[outcome.error] ?? 0) + 1;
  }
  const sorted = times.toSorted((a, b) => a - b);
  const answerMs =
    sorted.length === 0 ? null : { p50: percentile(sorted, 50), p99: percentile(sorted, 99) };
  return { answered: sorted.length, cancelled, lost, answerMs };
}

async function sampleServer(url: URL, started: number, signal: AbortSignal): Promise<Sample[]> {
  const samples: Sample[] = [];
  while (!signal.aborted) {
    const metrics = await readMetrics(url);
    samples.push({
      seconds: (performance.now() - started) / 1000,
      residentMB: sumOf(metrics, 'process_resident_memory_bytes') / 1e6,
      loopLagMs: sumOf(metrics, 'nodejs_eventloop_lag_max_seconds') * 1000,
      longestTurn: loopTurn(metrics, 'longest'),
      busiestTurn: loopTurn(metrics, 'busiest'),
    });
    await delay(1000, undefined, { signal }).catch(() => {});
  }
  return samples;
}

async function untilIdle(url: URL): Promise<number> {
  const end = performance.now() + settleMs;
  for (;;) {
    const metrics = await readMetrics(url);
    const inEngine =
      sumOf(metrics, 'coconut_requests_running') + sumOf(metrics, 'coconut_requests_waiting');
    if (inEngine === 0 || performance.now() > end) return inEngine;
    await delay(100);
  }
}

async function readMetrics(url: URL): Promise<string> {
  // Not over a kept connection, which the server may close in the moment that it is used again.
  const response = await fetch(new URL('/metrics', url), { headers: { connection: 'close' } });
  if (!response.ok) throw new Error(`${url.origin}/metrics answered ${response.status}`);
  return response.text();
}

function loopTurn(metrics: string, turn: 'longest' | 'busiest'): LoopTurn {
  const part = (name: string) => {
    const series = `coconut_event_loop_turn_seconds{turn="${turn}",part="${name}"} `;
    const line = metrics.split('\n').find((candidate) => candidate.startsWith(series));
    return 1000 * Number(line?.slice(series.length));
  };
  return { wall: part('wall'), cpu: part('cpu'), runqueue: part('runqueue'), gc: part('gc') };
}

/** Over all labels; throws where the metric is not there, since a soak must not pass for want of it. */
function sumOf(metrics: string, name: string): number {
  const lines = metrics.split('\n').filter((line) => /^[^{ ]+/.exec(line)?.[0] === name);
  if (lines.length === 0) throw new Error(`/metrics has no ${name}`);
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}
