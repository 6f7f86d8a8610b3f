// What a run file's segments say of a train step: where it stands, its learning rate, how many tokens are gone; and of
// the run as a whole. Pure.
import { PROSQA_SIZES } from './datasets/prosqa-generator.ts';
import type { Segment, TrainingConfig } from './training-config.ts';

export const totalSteps = (config: TrainingConfig): number =>
  config.segments.reduce((sum, segment) => sum + segment.trainSteps, 0);

/** Hops of the longest questions that it trains on, its start's aside; null where questions are no generated ProsQA. */
export function longestQuestion({ data, segments }: TrainingConfig): number | null {
  if (data.kind !== 'prosqa') return null;
  const ofEach = segments
    .filter(({ task }) => task === 'questions')
    .flatMap(({ nodes, maxHops, also }) => [
      nodes === null ? PROSQA_SIZES.hops.max : maxHops,
      ...(also ? [also.maxHops] : []),
    ]);
  return ofEach.length === 0 ? null : Math.max(...ofEach);
}

/** Where a train step (from 0) stands in the run. */
export function locateStep(
  config: TrainingConfig,
  trainStep: number,
): { segment: Segment; index: number; within: number } {
  let within = trainStep;
  for (const [index, segment] of config.segments.entries()) {
    if (within < segment.trainSteps) return { segment, index, within };
    within -= segment.trainSteps;
  }
  throw new Error(`train step ${trainStep} is past the run's ${totalSteps(config)}`);
}

/** How many segments had begun when `trainStep` steps were done. */
export function segmentsBegun(config: TrainingConfig, trainStep: number): number {
  if (trainStep === 0) return 0;
  return locateStep(config, trainStep - 1).index + 1;
}

/** Linear warm-up, then a cosine from learningRate to finalLearningRate. */
export function learningRateAt(segment: Segment, within: number): number {
  const { learningRate, finalLearningRate, warmupSteps, trainSteps } = segment;
  if (within < warmupSteps) return (learningRate * (within + 1)) / warmupSteps;
  const progress = (within - warmupSteps) / Math.max(1, trainSteps - warmupSteps);
  return (
    finalLearningRate +
    (learningRate - finalLearningRate) * 0.5 * (1 + Math.cos(Math.PI * progress))
  );
}

/** Tokens of the chain that the schedule has removed by a step of the segment (iCoT). */
export function removedTokensAt({ removedTokens, trainSteps }: Segment, within: number): number {
  if (removedTokens === null) return 0;
  const { from, to } = removedTokens;
  return from + Math.floor(((to - from + 1) * within) / trainSteps);
}
