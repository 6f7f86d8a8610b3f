// The lines of metrics.jsonl, parsed: what the trainer wrote after each train step and each validation.
import { z } from 'zod';
import { segmentTasks } from '../training-config.ts';

const progress = {
  trainStep: z.int().min(1),
  segment: z.int().min(0),
  stage: z.int().min(0),
  /** Since the start of the run. */
  examples: z.number(),
  seconds: z.number(),
};

const trainSchema = z.object({
  kind: z.literal('train'),
  ...progress,
  task: z.enum(segmentTasks),
  learningRate: z.number(),
  examplesPerSecond: z.number(),
  loss: z.number(),
  answerLoss: z.number(),
  gradNorm: z.number(),
  tokenAccuracy: z.number(),
  rowAccuracy: z.number(),
});

const validationSchema = z.object({
  kind: z.literal('validation'),
  ...progress,
  accuracy: z.number(),
  /** Controls; absent where the method has no thoughts. */
  zeroThoughtsAccuracy: z.number().optional(),
  shuffledThoughtsAccuracy: z.number().optional(),
});

const lineSchema = z.discriminatedUnion('kind', [trainSchema, validationSchema]);

export type TrainPoint = z.output<typeof trainSchema>;
export type ValidationPoint = z.output<typeof validationSchema>;
export type RunMetrics = { train: TrainPoint[]; validation: ValidationPoint[] };

/** @throws naming the first line that is not a metrics line, and its bad keys */
export function parseMetrics(lines: readonly unknown[]): RunMetrics {
  const metrics: RunMetrics = { train: [], validation: [] };
  for (const [index, line] of lines.entries()) {
    const parsed = lineSchema.safeParse(line);
    if (!parsed.success) {
      const problems = parsed.error.issues.map(
        ({ path, message }) => `${path.join('.')}: ${message}`,
      );
      throw new Error(`metrics line ${index + 1}: ${problems.join('; ')}`);
    }
    if (parsed.data.kind === 'train') metrics.train.push(parsed.data);
    else metrics.validation.push(parsed.data);
  }
  return metrics;
}

/** What a train step trained on, in one word: the colour of its curve. */
export function stageLabel({ task, stage }: Pick<TrainPoint, 'task' | 'stage'>): string {
  return task === 'questions' ? `stage ${stage}` : task;
}
