// What was seen inside a checkpoint: one item in full, and means over many; and the file that keeps it.
import { z } from 'zod';
import { replaceFile } from '../../model/atomic-write.ts';
import { readOptionalJson } from '../../model/checkpoint-files.ts';
import { fewerDigits } from '../fewer-digits.ts';
import { nodeGroups } from './node-groups.ts';

const ratio = z
  .number()
  .min(0)
  .max(1 + 1e-6);

/** What a node's probability is read from: the LM head on the thought itself, the next step, or the answer. */
export const readOuts = ['thought', 'step', 'answer'] as const;

export type ReadOut = (typeof readOuts)[number];

const thoughtSchema = z.strictObject({
  words: z.array(z.strictObject({ word: z.string(), probability: ratio })),
  norm: z.number(),
  cosine: z.number().nullable(),
});

const treeSchema = z.strictObject({
  words: z.array(z.string()),
  edges: z.array(z.tuple([z.int(), z.int()])),
  root: z.int(),
  target: z.int(),
  distractor: z.int(),
  /** By read-out: for 0, 1, 2, … thoughts the probability of each node; nothing is read off a thought that is not there. */
  values: z.record(z.enum(readOuts), z.array(z.array(ratio))),
});

/** Over the items, for one number of thoughts and one read-out. */
const branchesSchema = z.strictObject({
  thoughts: z.int().min(0),
  readOut: z.enum(readOuts),
  items: z.int().min(1),
  /** Mean nodes of the frontier, and of these with a tenth or more of the frontier's probability. */
  frontier: z.number(),
  alive: z.number(),
  /** exp of the entropy over the frontier: how many branches it comes to. */
  effective: z.number(),
  /** Mean probability on the frontier as a whole. */
  mass: ratio,
});

/** Inner products of the k-th thought with the embeddings of nodes of one group. */
const productsSchema = z.strictObject({
  thought: z.int().min(1),
  group: z.enum(nodeGroups),
  nodes: z.int().min(1),
  mean: z.number(),
  deviation: z.number(),
});

export const inspectionSchema = z.strictObject({
  checkpoint: z.string(),
  sha256: z.string(),
  data: z.string(),
  item: z.int().min(0),
  question: z.string(),
  answer: z.string(),
  thoughts: z.array(thoughtSchema),
  /** null where questions are no graphs. */
  tree: treeSchema.nullable(),
  branches: z.array(branchesSchema),
  products: z.array(productsSchema),
});

export type Inspection = z.output<typeof inspectionSchema>;
export type SearchTree = z.output<typeof treeSchema>;
export type Branches = z.output<typeof branchesSchema>;
export type Products = z.output<typeof productsSchema>;

const storeSchema = z.array(inspectionSchema);

/** [] where the file does not exist. Throws CheckpointError where it is none of ours */
export function readInspections(path: string): Inspection[] {
  return readOptionalJson(path, storeSchema) ?? [];
}

/** Beside those of other checkpoints. */
export function keepInspection(path: string, inspection: Inspection): void {
  const others = readInspections(path).filter((one) => one.checkpoint !== inspection.checkpoint);
  const all = [...others, inspection].sort((a, b) => a.checkpoint.localeCompare(b.checkpoint));
  replaceFile(
    path,
    `[\n${all.map((one) => JSON.stringify(one, (_key, value) => fewerDigits(value))).join(',\n')}\n]\n`,
  );
}
