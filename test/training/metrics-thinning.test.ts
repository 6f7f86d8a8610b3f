// What is kept of a long log: validations, ends, spikes; and how much of it.
import { describe, expect, it } from 'vitest';
import { thinMetrics } from '../../src/training/metrics-thinning.ts';
import type { MetricsLine } from '../../src/training/run-directory.ts';
import { trainPoint, validationPoint } from '../support/run-metrics.ts';

const long: MetricsLine[] = Array.from({ length: 3000 }, (_, i) =>
  trainPoint(i + 1, { loss: 1 / 3 }),
);

describe('thinMetrics', () => {
  it('keeps validations, the first and last step, and spikes of loss and gradient norm', () => {
    const validation = validationPoint(3000, 0.5) as MetricsLine;
    const lines = [...long, validation];
    lines[1234] = trainPoint(1235, { loss: 9 });
    lines[1240] = trainPoint(1241, { gradNorm: 70 });
    const thinned = thinMetrics(lines, 300);
    expect(thinned.length).toBeLessThan(305);
    const steps = thinned.map(({ trainStep }) => trainStep);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    expect(steps).toEqual(expect.arrayContaining([1, 1235, 1241, 3000]));
    expect(thinned.at(-1)).toMatchObject({ kind: 'validation', accuracy: 0.5 });
  });

  it('rounds figures, not counts, and leaves a short log whole', () => {
    const lines: MetricsLine[] = [
      trainPoint(1, { loss: 1.23456789, examples: 123_456_789 }),
      trainPoint(2),
    ];
    const thinned = thinMetrics(lines, 100);
    expect(thinned).toHaveLength(2);
    expect(thinned[0]).toMatchObject({ loss: 1.2346, examples: 123_456_789, task: 'questions' });
  });
});
