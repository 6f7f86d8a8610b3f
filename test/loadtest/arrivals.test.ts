import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { closedLoop, openLoop, poissonArrivals } from '../../loadtest/arrivals.ts';
import type { Outcome } from '../../loadtest/chat-client.ts';
import { Random } from '../../src/random.ts';

/** Answers after `ms`, and keeps count of how many were waiting at once. */
function slowServer(ms: number) {
  const seen = { indices: [] as number[], now: 0, most: 0 };
  const send = async (index: number): Promise<Outcome> => {
    seen.indices.push(index);
    seen.most = Math.max(seen.most, ++seen.now);
    await delay(ms);
    seen.now--;
    return { kind: 'failed', totalMs: ms, error: 'none' };
  };
  return { seen, send };
}

describe('closedLoop', () => {
  it('keeps its concurrency and sends each index once', async () => {
    const { seen, send } = slowServer(2);
    const { outcomes } = await closedLoop(3, { requests: 10, seconds: 60 }, send);
    expect(outcomes).toHaveLength(10);
    expect(seen.most).toBe(3);
    expect(seen.indices).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('stops at its time', async () => {
    const { outcomes } = await closedLoop(1, { requests: 1e6, seconds: 0.05 }, slowServer(10).send);
    expect(outcomes.length).toBeGreaterThan(0);
    expect(outcomes.length).toBeLessThan(10);
  });
});

describe('openLoop', () => {
  it('does not wait for answers', async () => {
    const { seen, send } = slowServer(200);
    const result = await openLoop(1000, 256, { requests: 20, seconds: 5 }, new Random(1), send);
    expect(result.outcomes).toHaveLength(20);
    expect(seen.most).toBe(20);
    expect(result.dropped).toBe(0);
  });

  it('counts what it does not send', async () => {
    const { seen, send } = slowServer(200);
    const result = await openLoop(1000, 2, { requests: 20, seconds: 5 }, new Random(1), send);
    expect(seen.most).toBe(2);
    expect(result.outcomes.length + result.dropped).toBe(20);
    expect(result.dropped).toBeGreaterThan(0);
  });
});

describe('poissonArrivals', () => {
  const gaps = (times: number[]) => times.map((ms, i) => ms - (times[i - 1] ?? 0));

  it('has exponential gaps: mean and standard deviation are both 1 / rate', () => {
    const found = gaps(poissonArrivals(50, { requests: 20_000, seconds: 1e9 }, new Random(7)));
    const mean = found.reduce((a, b) => a + b) / found.length;
    const deviation = Math.sqrt(
      found.reduce((total, gap) => total + (gap - mean) ** 2, 0) / found.length,
    );
    expect(mean).toBeGreaterThan(19.5);
    expect(mean).toBeLessThan(20.5);
    expect(deviation / mean).toBeCloseTo(1, 1);
  });

  it('ends in time and in count, and is the same for the same seed', () => {
    const limits = { requests: 100, seconds: 0.5 };
    const times = poissonArrivals(20, limits, new Random(3));
    expect(times.length).toBeLessThan(100);
    expect(times.every((ms) => ms <= 500)).toBe(true);
    expect(poissonArrivals(20, limits, new Random(3))).toEqual(times);
    expect(poissonArrivals(1e6, { requests: 5, seconds: 1 }, new Random(3))).toHaveLength(5);
  });
});
