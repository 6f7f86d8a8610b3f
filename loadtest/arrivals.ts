// When requests are sent: a closed loop finds capacity, an open loop shows the latency that callers
// see at a rate, whether or not the server keeps up. Both stop by themselves, in count and in time.
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../src/random.ts';
import type { Outcome } from './chat-client.ts';

export type Limits = { requests: number; seconds: number };

export type PointResult = {
  outcomes: Outcome[];
  /** From the first request to the last answer. */
  seconds: number;
  /** Open loop: arrivals that found too many requests in flight already, and were not sent. */
  dropped: number;
  /** Open loop: the latest that a request was sent after its time; a busy client, not the server. */
  latestSendMs: number;
};

type Send = (index: number) => Promise<Outcome>;

/** `concurrency` callers, each sending its next request when its last is answered. */
export async function closedLoop(
  concurrency: number,
  { requests, seconds }: Limits,
  send: Send,
): Promise<PointResult> {
  const outcomes: Outcome[] = [];
  const started = performance.now();
  let next = 0;
  const caller = async () => {
    while (next < requests && performance.now() - started < seconds * 1000) {
      outcomes.push(await send(next++));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  return { outcomes, seconds: secondsSince(started), dropped: 0, latestSendMs: 0 };
}

/** Poisson arrivals at `rate` per second; never more than `maxInFlight` at once. */
export async function openLoop(
  rate: number,
  maxInFlight: number,
  { requests, seconds }: Limits,
  random: Random,
  send: Send,
): Promise<PointResult> {
  const outcomes: Outcome[] = [];
  const inFlight = new Set<Promise<void>>();
  const result = { dropped: 0, latestSendMs: 0 };
  const started = performance.now();
  for (const [index, dueMs] of poissonArrivals(rate, { requests, seconds }, random).entries()) {
    await delay(Math.max(0, started + dueMs - performance.now()));
    if (inFlight.size >= maxInFlight) {
      result.dropped++;
      continue;
    }
    result.latestSendMs = Math.max(result.latestSendMs, performance.now() - started - dueMs);
    const request: Promise<void> = send(index).then((outcome) => {
      outcomes.push(outcome);
      inFlight.delete(request);
    });
    inFlight.add(request);
  }
  await Promise.all(inFlight);
  return { outcomes, seconds: secondsSince(started), ...result };
}

/** Times in milliseconds from the start; gaps are exponential with mean 1 / rate. */
export function poissonArrivals(
  rate: number,
  { requests, seconds }: Limits,
  random: Random,
): number[] {
  const times: number[] = [];
  for (let ms = 0; times.length < requests; ) {
    ms += (-Math.log(1 - random.uniform()) / rate) * 1000;
    if (ms > seconds * 1000) break;
    times.push(ms);
  }
  return times;
}

const secondsSince = (started: number): number => (performance.now() - started) / 1000;
