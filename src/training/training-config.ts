// Schema of runs/*.json: everything that decides what a training run computes.
// It is stored beside the weights (training.json), so that a checkpoint says how it was made.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Checkpoint } from '../model/checkpoint.ts';
import { NEGATED_STATEMENTS } from './datasets/prontoqa-generator.ts';
import { PROSQA_SIZES } from './datasets/prosqa-generator.ts';
import { methodNames } from './methods.ts';
import { problemsOf } from './run-rules.ts';

const positive = z.number().positive();
const count = z.int().min(1);
const isRange = ([low, high]: [number, number]): boolean => low <= high;
const range = z.tuple([count, count]).refine(isRange, 'the range is empty');
const share = z.number().min(0).max(1);
const shares = z.tuple([share, share]).refine(isRange, 'the range is empty');

const startSchema = z.discriminatedUnion('kind', [
  /** Its sizes, weights and tokenizer, with the markers that it lacks. */
  z.strictObject({ kind: z.literal('checkpoint'), path: z.string() }),
  z.strictObject({ kind: z.literal('gpt2') }),
  z.strictObject({
    kind: z.literal('induction'),
    offsets: z.array(count).default([3, 2]),
    filingHeads: count.default(1),
    embeddingNorm: positive.default(2),
    offsetGain: positive.default(2),
    matchGain: positive.default(1.4),
    copyGain: positive.default(0.5),
    thoughtNorm: positive.default(4),
  }),
  /** Digits of one place, and of one number, begin with a direction in common. */
  z.strictObject({ kind: z.literal('places'), scale: positive.default(0.2) }),
]);

export const MAX_SEGMENTS = 31;

export const segmentTasks = ['questions', 'walks', 'text'] as const;

const segmentSchema = z.strictObject({
  /**
   * questions: the data as it is. walks: random walks over the same graphs, to learn looking up edges. text: what
   * is there to read (walks where there are any, else questions with their chains), with thoughts in the middle.
   */
  task: z.enum(segmentTasks).default('questions'),
  /** Of the task `text`: how many thoughts, and where, as shares of the text's length. */
  text: z.strictObject({ thoughts: count.default(1), place: shares.default([0, 1]) }).prefault({}),
  /** The curriculum's stage; methods that do not follow it ignore it. */
  stage: z.int().min(0).default(0),
  trainSteps: count,
  learningRate: positive,
  /** Where a cosine takes the learning rate by the end of the segment; constant if equal. */
  finalLearningRate: positive,
  warmupSteps: z.int().min(0).default(0),
  /** Chance that a batch is drawn at a uniformly random earlier or later stage. */
  mixedStageProbability: z.number().min(0).max(1).default(0),
  /** Number of graph nodes (ProntoQA: of concepts, 6 to 14), for growing problems; null: as published. */
  nodes: range.nullable().default(null),
  /** Fewest reasoning steps of a question; only with `nodes`. */
  minHops: count.default(PROSQA_SIZES.hops.min),
  /** Most of them; only for graphs of ProsQA, with `nodes`. */
  maxHops: count.default(PROSQA_SIZES.hops.max),
  /** ProsQA: a share of the graphs is of other sizes, as deep ones are rare among all. */
  also: z
    .strictObject({ share, nodes: range, minHops: count, maxHops: count })
    .nullable()
    .default(null),
  /** ProntoQA, with `nodes`: share of statements asked with "not". Away from one half, True and the fact's own sign go together. */
  negatedStatements: share.default(NEGATED_STATEMENTS),
  /** Multiplication: share of rows whose factors have zeros at random places, so that fewer terms add up. */
  rowsWithZeros: share.default(0),
  /** Loss weight of labels that are no entity, against 1 for those that are. */
  structureWeight: positive.max(1).default(1),
  resetOptimizer: z.boolean().default(false),
  /**
   * iCoT only: tokens taken from the left of the chain, rising evenly from `from` to `to` over the segment;
   * resetOptimizer starts AdamW afresh at each rise. null: none.
   */
  removedTokens: z
    .strictObject({
      from: z.int().min(0),
      to: z.int().min(0),
      resetOptimizer: z.boolean().default(false),
    })
    .refine(({ from, to }) => from <= to, 'tokens do not come back: from must be at most to')
    .nullable()
    .default(null),
});

const tokenRemovalSchema = z.strictObject({
  smoothing: positive.nullable().default(4),
  allBeyond: count.nullable().default(null),
  keepPositions: z.boolean().default(false),
});

const optimizerSchema = z.strictObject({
  hiddenMatrices: z.enum(['adamw', 'muon']).default('adamw'),
  betas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]).default([0.9, 0.999]),
  epsilon: positive.default(1e-8),
  weightDecay: z.number().min(0).default(0.01),
  decay: z.enum(['all', 'matrices']).default('matrices'),
  clipNorm: positive.nullable().default(1),
});

const heldOut = {
  /** Items that training must never see and validation is measured on. */
  validation: z.string(),
  validationItems: count.default(300),
};

/**
 * A training file: what to do at a malformed record, at questions that are validation questions too, and at examples
 * that take more than the model's positions.
 */
const fileRules = {
  malformed: z.enum(['throw', 'skip']).default('throw'),
  overlap: z.enum(['refuse', 'remove']).default('refuse'),
  tooLong: z.enum(['refuse', 'leave-out']).default('refuse'),
};

const dataSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('prosqa'), ...heldOut }),
  /** train: null draws fresh items. */
  z.strictObject({
    kind: z.literal('prontoqa'),
    train: z.string().nullable().default(null),
    ...heldOut,
    ...fileRules,
  }),
  z.strictObject({ kind: z.literal('gsm8k'), train: z.string(), ...heldOut, ...fileRules }),
  z.strictObject({ kind: z.literal('multiplication'), digits: count, ...heldOut }),
  z.strictObject({ kind: z.literal('superposition'), ...heldOut }),
]);

const modelSchema = z.strictObject({
  architecture: z.enum(['gpt2', 'llama']).default('gpt2'),
  layers: count,
  width: count,
  heads: count,
  /** llama: heads of keys and values; null: as many as heads. */
  kvHeads: count.nullable().default(null),
  /** Width of the MLP's hidden layer; null is 4 · width. */
  inner: count.nullable().default(null),
  positions: count,
});

const settingsSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/, 'use lower-case letters, digits, "-" and "."'),
  method: z.enum(methodNames),
  /** The batch source spreads it over all segments and steps, below 2^53. */
  seed: z.int().min(0).max(100_000_000),
  /** A checkpoint directory to go on from, or fresh weights. */
  start: startSchema,
  /** Sizes of fresh weights; null with a checkpoint, which has its own. */
  model: modelSchema.nullable().default(null),
  maxStage: z.int().min(0),
  thoughtsPerStep: count.default(1),
  padThoughts: z.boolean().default(true),
  /** Hybrid: so many first steps stay in words, then <bot>, which the model writes itself, and the thoughts. */
  wordSteps: z.int().min(0).default(0),
  /** iCoT only. */
  tokenRemoval: tokenRemovalSchema.default(tokenRemovalSchema.parse({})),
  supervision: z.enum(['none', 'frontier', 'decoder']).default('none'),
  /** Decoder supervision only: layers of the decoder; null is as many as the model has. */
  decoderLayers: count.nullable().default(null),
  /** Loss weights of the student's distance to its teacher, and of the teacher's own labels. */
  distillation: z
    .strictObject({ weight: positive.default(1), teacherWeight: positive.default(1) })
    .nullable()
    .default(null),
  /** sequential: a pass per thought; jacobi: all thoughts refined together in `iterations` passes. */
  latentUpdate: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('sequential') }),
      z.strictObject({ kind: z.literal('jacobi'), iterations: count }),
    ])
    .default({ kind: 'sequential' }),
  /** Frontier supervision only: hops of the search that one thought stands for. */
  hopsPerThought: count.default(1),
  /**
   * A head on the thoughts learns where <eot> goes, with this loss weight: at the stage's number of thoughts, or
   * at each question's own where padThoughts is false.
   */
  stopHead: z
    .strictObject({ weight: positive.default(1) })
    .nullable()
    .default(null),
  /** Only an adapter is trained, of this rank, over a start checkpoint that stays as it is (LoRA); null: all of it. */
  lora: z.strictObject({ rank: count, alpha: positive }).nullable().default(null),
  /** Share of numbers that training drops: of embeddings, attention weights and what each half of a layer adds. */
  dropout: z.number().min(0).lt(1).default(0),
  data: dataSchema,
  /** An update's examples; with microBatches they are differentiated in so many parts, for memory. */
  batch: z.strictObject({ groups: count, perGroup: count, microBatches: count.default(1) }),
  optimizer: optimizerSchema.default(optimizerSchema.parse({})),
  /** Each draws from random streams of its own, of which a seed has so many. */
  segments: z.array(segmentSchema).min(1).max(MAX_SEGMENTS),
  evaluateEverySteps: count,
  saveEverySteps: count,
  threads: count.default(2),
});

export const trainingConfigSchema = settingsSchema.superRefine((config, context) => {
  for (const { path, message } of problemsOf(config))
    context.addIssue({ code: 'custom', path, message });
});

/** A run file's content, each key by itself in order. */
export type Settings = z.output<typeof settingsSchema>;
export type ModelSizes = z.output<typeof modelSchema>;
export type FileRules = Pick<
  Extract<DataConfig, { kind: 'gsm8k' }>,
  'malformed' | 'overlap' | 'tooLong'
>;
export type DataConfig = z.output<typeof dataSchema>;
export type TrainingConfig = z.output<typeof trainingConfigSchema>;
export type Segment = TrainingConfig['segments'][number];

/** Reads a run file; the error lists every bad key at once. */
export function readTrainingConfig(path: string): TrainingConfig {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
  return parseTrainingConfig(path, json);
}

/** @param where what the error names as the source */
export function parseTrainingConfig(where: string, json: unknown): TrainingConfig {
  const parsed = trainingConfigSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(
    (issue) => `  ${issue.path.join('.') || '(top level)'}: ${issue.message}`,
  );
  throw new Error(`${where}: ${issues.length} problem(s)\n${issues.join('\n')}`);
}

/** Of the thoughts' decoder: as many as the model's, unless the run says otherwise. */
export const decoderLayersOf = ({ decoderLayers, model }: TrainingConfig): number =>
  decoderLayers ?? model!.layers;

/** Whether it records a run: imported checkpoints have none. */
export const isTrainedHere = ({ training }: Pick<Checkpoint, 'training'>): boolean =>
  typeof training['run'] === 'object';

/** The run file that a checkpoint was trained by. @throws where its training.json holds none */
export function runOf({ dir, training }: Pick<Checkpoint, 'dir' | 'training'>): TrainingConfig {
  return parseTrainingConfig(`${dir}/training.json: run`, training['run']);
}
