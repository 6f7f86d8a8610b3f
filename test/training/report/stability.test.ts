// Stability figures of invented runs: a jump that is known, a recovery that is known, one spike.
import { describe, expect, it } from 'vitest';
import type { TrainPoint } from '../../../src/training/report/run-metrics.ts';
import { stabilityOf, stabilityRows } from '../../../src/training/report/stability.ts';
import { trainPoint, validationPoint } from '../../support/run-metrics.ts';

/** `losses` of one segment at one stage, after `before` train steps. */
function segment(index: number, stage: number, losses: number[], before: number): TrainPoint[] {
  return losses.map((answerLoss, i) =>
    trainPoint(before + i + 1, { segment: index, stage, answerLoss, loss: 9 }),
  );
}

const flat = (loss: number, count: number): number[] => Array(count).fill(loss);

const train = [
  ...segment(0, 0, flat(0.5, 20), 0),
  ...segment(1, 1, [...flat(2, 10), ...flat(0.4, 20)], 20),
];

describe('stabilityOf', () => {
  it('measures the jump of the text loss at a stage border, and the way back', () => {
    const { jumps, endLoss } = stabilityOf({ train, validation: [] });
    // Ten steps at 2 after ten at 0.5; the mean of ten is at most 0.5 once all but none of them are 0.4.
    expect(jumps).toEqual([{ segment: 1, ratio: 4, recovery: 20 }]);
    expect(endLoss).toBeCloseTo(0.4, 12);
  });

  it('says where a run never came back, and keeps mixed-in stages out of both sides', () => {
    const mixed = train.map((point, i) =>
      i % 3 === 1 ? { ...point, stage: 7, answerLoss: 1000 } : point,
    );
    expect(stabilityOf({ train: mixed, validation: [] }).jumps[0]!.ratio).toBeLessThan(5);
    const lost = [...train.slice(0, 20), ...segment(1, 1, flat(2, 30), 20)];
    expect(stabilityOf({ train: lost, validation: [] }).jumps).toMatchObject([{ recovery: null }]);
  });

  it('sees no border where the stage stays', () => {
    const same = [...segment(0, 4, flat(1, 20), 0), ...segment(1, 4, flat(3, 20), 20)];
    expect(stabilityOf({ train: same, validation: [] }).jumps).toEqual([]);
  });

  it('counts spikes against the median of their own segment', () => {
    const spiky = train.map((point, i) => ({ ...point, gradNorm: i < 20 ? 1 : 10 }));
    expect(stabilityOf({ train: spiky, validation: [] })).toMatchObject({
      gradientPeak: 1,
      spikes: 0,
    });
    spiky[45]!.gradNorm = 80;
    expect(stabilityOf({ train: spiky, validation: [] })).toMatchObject({
      gradientPeak: 8,
      spikes: 1 / 50,
    });
  });

  it('needs questions', () => {
    const walks = train.map((point) => ({ ...point, task: 'walks' as const }));
    expect(() => stabilityOf({ train: walks, validation: [] })).toThrow('no train step');
  });
});

it('stabilityRows has a row per variant, with its seeds together', () => {
  const stability = stabilityOf({ train, validation: [validationPoint(50, 0.5)] });
  const better = { ...stability, validation: 0.7 };
  const { rows } = stabilityRows([
    { variant: 'kept', stability },
    { variant: 'reset', stability },
    { variant: 'reset', stability: better },
  ]);
  const [kept, reset] = rows.map((cells) => cells.join(' | '));
  expect(kept).toBe('kept | 1 | 4.00 | 1 of 1 | 20 | 1.0 | 0.0 | 0.400 | 25.0 | 50.0');
  expect(reset).toContain('reset | 2 | 4.00 ± 0.00 | 2 of 2');
  expect(reset).toContain('| 60.0 ± 14.1');
});
