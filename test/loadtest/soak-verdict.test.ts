import { describe, expect, it } from 'vitest';
import type { LoopTurn, SoakReport } from '../../loadtest/soak-run.ts';
import { complaints, memoryTrend, soakText } from '../../loadtest/soak-verdict.ts';

const starved: LoopTurn = { wall: 2700, cpu: 80, runqueue: 2600, gc: 30 };
const busy: LoopTurn = { wall: 120, cpu: 100, runqueue: 15, gc: 4 };

/** 180 seconds; `residentMB` of each. */
const samples = (residentMB: (seconds: number) => number, busiestTurn = busy) =>
  Array.from({ length: 181 }, (_, seconds) => ({
    seconds,
    residentMB: residentMB(seconds),
    loopLagMs: seconds === 100 ? 80 : 12,
    longestTurn: seconds === 50 ? starved : busy,
    busiestTurn,
  }));

const sound: SoakReport = {
  seconds: 180,
  answered: 900,
  cancelled: 300,
  lost: {},
  answerMs: { p50: 1200, p99: 3400 },
  leftOver: 0,
  samples: samples(() => 200),
};

describe('memoryTrend', () => {
  it('is the slope after the warm-up', () => {
    // Steep while caches fill, then half a megabyte each second.
    const trend = memoryTrend(samples((s) => (s < 60 ? 5 * s : 300 + 0.5 * (s - 60))));
    expect(trend?.mbPerMinute).toBeCloseTo(30);
    expect(trend?.startMB).toBeCloseTo(300);
    expect(trend?.grownMB).toBeCloseTo(60);
  });

  it('says nothing of two samples', () => {
    expect(memoryTrend(sound.samples.slice(0, 2))).toBeNull();
  });
});

describe('complaints', () => {
  it('has none about a sound run', () => {
    expect(complaints(sound)).toEqual([]);
  });

  it('names what was lost, what is left and what grew', () => {
    const broken = {
      ...sound,
      lost: { 'status 503': 2, 'stream ended without [DONE]': 1 },
      leftOver: 3,
      samples: samples((s) => 200 + s),
    };
    expect(complaints(broken)).toEqual([
      '2 requests lost: status 503',
      '1 requests lost: stream ended without [DONE]',
      '3 requests are left in the server',
      'memory grew by 120 of 260 MB in 120 s',
    ]);
  });

  it('minds what a turn of the loop computes, not how long it waits for a core', () => {
    const broken = { ...sound, samples: samples(() => 200, { ...busy, cpu: 260 }) };
    expect(complaints(broken)).toEqual(['the event loop computed for 260 ms on end, of 200']);
  });

  it('does not take silence for success', () => {
    expect(complaints({ ...sound, answered: 0 })).toEqual(['no request was answered']);
  });
});

it('prints counts, memory and the worst lag', () => {
  const text = soakText(sound);
  expect(text).toContain('| answered | 900 |');
  expect(text).toContain('| resident MB after warm-up, slope per minute | 200, 0.0 |');
  expect(text).toMatch(/event loop lag ms.* \| 12, 80 \|/);
  expect(text).toMatch(/longest turn .* \| 2700, 80, 2600, 30 \|/);
  expect(text).toContain('| the turn that computed longest, the same | 120, 100, 15, 4 |');
});

it('says where the server’s system tells no thread’s times', () => {
  const unknown = { wall: 20, cpu: Number.NaN, runqueue: Number.NaN, gc: 0 };
  const report = { ...sound, samples: samples(() => 200, unknown) };
  expect(complaints(report)).toEqual([]);
  expect(soakText(report)).toContain('computed longest, the same | not measured here |');
});
