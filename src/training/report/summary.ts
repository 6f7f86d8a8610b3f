// What the tables of the report say: a row per segment, and when validation first reached a goal. Pure.
import type { RunMetrics, TrainPoint, ValidationPoint } from './run-metrics.ts';
import { groupBy } from './series.ts';

export type SegmentRow = {
  segment: number;
  /** Stages that batches were drawn at, ascending; several where earlier stages are mixed in. */
  stages: number[];
  task: TrainPoint['task'];
  trainSteps: number;
  examples: number;
  /** Validation and saving included. */
  seconds: number;
  learningRates: { first: number; last: number };
  /** Means over the last tenth of the segment's train steps. */
  loss: number;
  tokenAccuracy: number;
  rowAccuracy: number;
  /** The last measured in the segment; null if none was. */
  validationAccuracy: number | null;
};

/** One row per segment that has begun, in order. */
export function segmentRows({ train, validation }: RunMetrics): SegmentRow[] {
  const bySegment = groupBy(train, (point) => point.segment);
  const validated = groupBy(validation, (point) => point.segment);
  let before = { examples: 0, seconds: 0 };
  return [...bySegment].map(([segment, points]) => {
    const first = points[0]!;
    const last = points.at(-1)!;
    const lastValidation = validated.get(segment)?.at(-1);
    const end = lastValidation && lastValidation.seconds > last.seconds ? lastValidation : last;
    const tail = points.slice(-Math.ceil(points.length / 10));
    const row: SegmentRow = {
      segment,
      task: first.task,
      stages: [...new Set(points.map((point) => point.stage))].sort((a, b) => a - b),
      trainSteps: points.length,
      examples: end.examples - before.examples,
      seconds: end.seconds - before.seconds,
      learningRates: { first: first.learningRate, last: last.learningRate },
      loss: mean(tail.map((point) => point.loss)),
      tokenAccuracy: mean(tail.map((point) => point.tokenAccuracy)),
      rowAccuracy: mean(tail.map((point) => point.rowAccuracy)),
      validationAccuracy: lastValidation?.accuracy ?? null,
    };
    before = end;
    return row;
  });
}

/** The first validation at or above `goal` (0 to 1); null if there is none. */
export function firstReached(
  validation: readonly ValidationPoint[],
  goal: number,
): ValidationPoint | null {
  return validation.find((point) => point.accuracy >= goal) ?? null;
}

/** The validation of highest accuracy, the earliest of equals; null if there is none. */
export function best(validation: readonly ValidationPoint[]): ValidationPoint | null {
  return validation.reduce<ValidationPoint | null>(
    (top, point) => (top === null || point.accuracy > top.accuracy ? point : top),
    null,
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
