// What the tables of the report say: a row per segment, and when validation first reached a goal. Pure.
import { mean } from '../statistics.ts';
import type { RunMetrics, TrainPoint, ValidationPoint } from './run-metrics.ts';
import { groupBy, largestGroup } from './series.ts';

export type SegmentRow = {
  segment: number;
  task: TrainPoint['task'];
  /** The stage most batches were drawn at, and the others, ascending. */
  stage: number;
  mixedStages: number[];
  trainSteps: number;
  examples: number;
  /** Validation and saving included. */
  seconds: number;
  learningRates: { first: number; last: number };
  /** Means over the last tenth of the train steps at `stage`. */
  loss: number;
  tokenAccuracy: number;
  rowAccuracy: number;
  /** The last measured in the segment; null if none was. */
  validationAccuracy: number | null;
};

/** One row per segment that has begun, in order. */
export function segmentRows({ train, validation }: RunMetrics): SegmentRow[] {
  const validated = groupBy(validation, (point) => point.segment);
  let before = { examples: 0, seconds: 0 };
  return [...groupBy(train, (point) => point.segment)].map(([segment, points]) => {
    const last = points.at(-1)!;
    const lastValidation = validated.get(segment)?.at(-1) ?? null;
    const end = {
      examples: last.examples,
      seconds: Math.max(last.seconds, lastValidation?.seconds ?? 0),
    };
    const row = {
      segment,
      trainSteps: points.length,
      examples: end.examples - before.examples,
      seconds: end.seconds - before.seconds,
      learningRates: { first: points[0]!.learningRate, last: last.learningRate },
      validationAccuracy: lastValidation?.accuracy ?? null,
      ...outcome(points),
    };
    before = end;
    return row;
  });
}

function outcome(segment: readonly TrainPoint[]) {
  const byStage = groupBy(segment, (point) => point.stage);
  const [stage, points] = largestGroup(byStage);
  const tail = points.slice(-Math.ceil(points.length / 10));
  return {
    task: points[0]!.task,
    stage,
    mixedStages: [...byStage.keys()].filter((other) => other !== stage).sort((a, b) => a - b),
    loss: mean(tail.map((point) => point.loss)),
    tokenAccuracy: mean(tail.map((point) => point.tokenAccuracy)),
    rowAccuracy: mean(tail.map((point) => point.rowAccuracy)),
  };
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
