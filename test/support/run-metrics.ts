// Lines of a metrics.jsonl of invented figures, for the report's tests.
import type { TrainPoint, ValidationPoint } from '../../src/training/report/run-metrics.ts';

/** Train step n of a run with 10 examples and 2 seconds each; loss 1/n. */
export function trainPoint(trainStep: number, changes: Partial<TrainPoint> = {}): TrainPoint {
  return {
    kind: 'train',
    segment: 0,
    task: 'questions',
    stage: 0,
    trainStep,
    examples: 10 * trainStep,
    seconds: 2 * trainStep,
    learningRate: 0.001,
    examplesPerSecond: 5,
    loss: 1 / trainStep,
    answerLoss: 1 / trainStep,
    gradNorm: 2,
    tokenAccuracy: 0.5,
    rowAccuracy: 0.25,
    ...changes,
  };
}

/** A validation 1 second after train step n. */
export function validationPoint(
  trainStep: number,
  accuracy: number,
  changes: Partial<ValidationPoint> = {},
): ValidationPoint {
  return {
    kind: 'validation',
    segment: 0,
    stage: 0,
    trainStep,
    examples: 10 * trainStep,
    seconds: 2 * trainStep + 1,
    accuracy,
    ...changes,
  };
}
