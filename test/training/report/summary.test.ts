import { expect, test } from 'vitest';
import { best, firstReached, segmentRows } from '../../../src/training/report/summary.ts';
import { trainPoint, validationPoint } from '../../support/run-metrics.ts';

const steps = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

test('a segment row counts its own steps, and its time up to the validation that ends it', () => {
  const train = [
    ...steps(1, 5).map((n) => trainPoint(n, { task: 'walks' })),
    ...steps(6, 25).map((n) => trainPoint(n, { segment: 1, stage: n % 5 === 0 ? 4 : 2 })),
  ];
  const validation = [
    validationPoint(5, 0.2),
    validationPoint(20, 0.9, { segment: 1 }),
    validationPoint(25, 0.8, { segment: 1 }),
  ];
  const [walks, questions] = segmentRows({ train, validation });
  expect(walks).toMatchObject({ task: 'walks', trainSteps: 5, examples: 50, seconds: 11 });
  expect(walks).toMatchObject({ mixedStages: [], validationAccuracy: 0.2 });
  expect(questions).toMatchObject({ segment: 1, trainSteps: 20, examples: 200, seconds: 40 });
  expect(questions).toMatchObject({ stage: 2, mixedStages: [4], validationAccuracy: 0.8 });
  // The last tenth of sixteen steps at stage 2: 23 and 24, not 25, which was at stage 4.
  expect(questions!.loss).toBeCloseTo((1 / 23 + 1 / 24) / 2, 12);
});

test('a segment that was not validated has no accuracy', () => {
  const [row] = segmentRows({ train: [trainPoint(1)], validation: [] });
  expect(row!.validationAccuracy).toBeNull();
});

test('a goal is reached once, even if accuracy falls below it again', () => {
  const validation = [
    validationPoint(1, 0.4),
    validationPoint(2, 0.9),
    validationPoint(3, 0.7),
    validationPoint(4, 0.97),
    validationPoint(5, 0.97),
  ];
  expect(firstReached(validation, 0.9)?.trainStep).toBe(2);
  expect(firstReached(validation, 0.99)).toBeNull();
  expect(best(validation)?.trainStep).toBe(4);
  expect(best([])).toBeNull();
});
