// What the event loop's longest turns are made of. The bounds hold however busy the machine is: a thread without a
// core takes longer by the clock, but computes no more.
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { watchEventLoop } from '../src/loop-watch.ts';
import { createMetrics } from '../src/metrics.ts';

const schedstat = '/proc/thread-self/schedstat';
const isTold = existsSync(schedstat);
if (!isTold) console.warn(`skipped: no ${schedstat}, which tells a thread's processor time`);

async function watch() {
  const metrics = createMetrics();
  watchEventLoop(metrics);
  await delay(50);
  return async (name: 'longest' | 'busiest'): Promise<Record<string, number>> => {
    const { values } = await metrics.coconut_event_loop_turn_seconds.get();
    const own = values.filter(({ labels }) => labels['turn'] === name);
    return Object.fromEntries(own.map(({ labels, value }) => [labels['part'], value]));
  };
}

describe.skipIf(!isTold)('the longest turn of the event loop', { timeout: 180_000 }, () => {
  it('that only lasts is long by the clock alone', async () => {
    const turn = await watch();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    const isSeen = async () => expect((await turn('longest'))['wall']).toBeGreaterThan(0.9);
    await vi.waitFor(isSeen, { timeout: 60_000 });
    const { wall, cpu, runqueue } = await turn('longest');
    expect(cpu).toBeLessThan(0.2);
    expect(cpu! + runqueue!).toBeLessThan(wall! + 0.001);
  });

  it('that computes is told by its processor time, garbage collection with it', async () => {
    const turn = await watch();
    const cpuSeconds = () => process.cpuUsage().user / 1e6;
    const kept: object[] = [];
    // Two thirds, since threads of the test's own runner count too.
    for (const until = cpuSeconds() + 0.3; cpuSeconds() < until; ) kept.push({ at: cpuSeconds() });
    const isSeen = async () => expect((await turn('busiest'))['cpu']).toBeGreaterThan(0.2);
    await vi.waitFor(isSeen, { timeout: 60_000 });
    const { gc, wall } = await turn('busiest');
    expect(gc).toBeGreaterThan(0);
    expect(gc).toBeLessThan(wall!);
    expect(kept.length).toBeGreaterThan(0);
  });
});
