// Train steps in their segments, and the learning rate there.
import { describe, expect, it } from 'vitest';
import { learningRateAt, locateStep, longestQuestion } from '../../src/training/schedule.ts';
import type { Segment } from '../../src/training/training-config.ts';
import { constantRate, tinyRun } from '../support/tiny-run.ts';

const run = tinyRun({
  segments: [10, 5].map((trainSteps) => ({ trainSteps, ...constantRate(1e-3) })),
});

describe('locateStep', () => {
  it('finds a train step in its segment', () => {
    const places = [0, 9, 10, 14].map((step) => {
      const { index, within } = locateStep(run, step);
      return [index, within];
    });
    expect(places).toEqual([
      [0, 0],
      [0, 9],
      [1, 0],
      [1, 4],
    ]);
    expect(() => locateStep(run, 15)).toThrow("train step 15 is past the run's 15");
  });
});

describe('longestQuestion', () => {
  const of = (...segments: object[]) =>
    longestQuestion(
      tinyRun({
        segments: segments.map((one) => ({ trainSteps: 1, ...constantRate(1e-3), ...one })),
      }),
    );
  const deep = { nodes: [36, 40], minHops: 7, maxHops: 8 };

  it('is of any segment, and of a share of its graphs', () => {
    expect(of({})).toBe(6);
    expect(of({ nodes: [5, 8], minHops: 1, maxHops: 4 })).toBe(4);
    expect(of({}, deep)).toBe(8);
    expect(of({ also: { share: 0.1, ...deep } })).toBe(8);
  });

  it('is of questions, and of generated ones', () => {
    expect(of({ task: 'walks', nodes: [5, 8], minHops: 1 })).toBeNull();
    const data = {
      kind: 'multiplication',
      digits: 4,
      validation: 'v',
      validationItems: 1,
    } as const;
    expect(longestQuestion({ ...run, data })).toBeNull();
  });
});

describe('learningRateAt', () => {
  const segment = (changes: Partial<Segment>): Segment => ({
    ...run.segments[0]!,
    trainSteps: 100,
    learningRate: 1,
    finalLearningRate: 0.1,
    ...changes,
  });

  it('warms up linearly and never starts at zero', () => {
    const rates = [0, 1, 3, 4].map((within) => learningRateAt(segment({ warmupSteps: 4 }), within));
    expect(rates).toEqual([0.25, 0.5, 1, 1]);
  });

  it('is halfway down in the middle and nearly down at the end', () => {
    expect(learningRateAt(segment({}), 50)).toBeCloseTo(0.55, 12);
    expect(learningRateAt(segment({}), 99)).toBeCloseTo(0.1, 3);
  });

  it('only falls after the warm-up', () => {
    const falling = segment({ warmupSteps: 10 });
    for (let within = 10; within < 99; within++)
      expect(learningRateAt(falling, within + 1)).toBeLessThan(learningRateAt(falling, within));
  });

  it('stays where start and end are equal', () => {
    const flat = segment({ finalLearningRate: 1 });
    expect([0, 37, 99].map((within) => learningRateAt(flat, within))).toEqual([1, 1, 1]);
  });
});
