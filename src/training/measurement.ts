// What `table` has measured of a checkpoint, and the file it keeps: measured again only where weights or items changed.
import { z } from 'zod';
import { replaceFile } from '../model/atomic-write.ts';
import { readOptionalJson } from '../model/checkpoint-files.ts';
import { dataKinds } from './datasets/formats.ts';
import { outcomes } from './inspect/outcome.ts';

/** One way of running the items. */
const runSchema = z.strictObject({
  accuracy: z.number().min(0).max(1),
  /** Mean thoughts and text tokens per item. */
  thoughts: z.number().min(0),
  textTokens: z.number().min(0),
  /** Answers given up at the most text tokens allowed; absent where it was not counted. */
  cut: z.int().min(0).optional(),
  /** '1' for each item that is right, in order. */
  right: z.string().regex(/^[01]+$/),
  /** ProsQA only: how many items have each outcome. */
  outcomes: z.partialRecord(z.enum(outcomes), z.int().min(1)).nullable(),
});

export const measurementSchema = z.strictObject({
  checkpoint: z.string(),
  /** Of the weights. */
  sha256: z.string(),
  method: z.string(),
  supervision: z.string(),
  /** See methodOptions; of measurements from before there were any, none. */
  options: z.string().default(''),
  filler: z.string(),
  /** null: not trained here. */
  seed: z.int().nullable(),
  /** It was trained on; null: not recorded. */
  examples: z.int().min(0).nullable().default(null),
  /** Hops of the longest questions that it was trained on; null: not generated, or not recorded. */
  longestQuestion: z.int().min(1).nullable().default(null),
  /** Same for runs that differ in nothing but their seed. */
  variant: z.string(),
  kind: z.enum(dataKinds),
  data: z.strictObject({
    name: z.string(),
    sha256: z.string(),
    items: z.int().min(1),
    /** Out of distribution: a set that the generator drew. */
    generated: z.boolean(),
  }),
  asTrained: runSchema,
  /** What stands in place of the thoughts; null where there are none, or only the accuracy was asked for. */
  controls: z
    .strictObject({ zero: runSchema, shuffle: runSchema, noise: runSchema, others: runSchema })
    .nullable(),
  /** At 0, 1, 2, … thoughts. */
  byThoughts: z.array(runSchema).nullable(),
});

const storeSchema = z.strictObject({ measurements: z.array(measurementSchema) });

export type Measurement = z.output<typeof measurementSchema>;
export type MeasuredRun = z.output<typeof runSchema>;

/** [] where the file does not exist. Throws CheckpointError where it is none of ours */
export function readMeasurements(path: string): Measurement[] {
  return readOptionalJson(path, storeSchema)?.measurements ?? [];
}

/** A line per measurement, so that a change of one shows as one. @throws for figures that could not be read again */
export function writeMeasurements(path: string, measurements: readonly Measurement[]): void {
  const store = storeSchema.parse({ measurements });
  const lines = store.measurements.map((measurement) => JSON.stringify(measurement));
  replaceFile(path, `{"measurements":[\n${lines.join(',\n')}\n]}\n`);
}

/** The items' order is the same in both. */
export const rightItems = ({ right }: MeasuredRun): boolean[] => [...right].map((c) => c === '1');
