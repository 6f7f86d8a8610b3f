// A run on graphs of five or six nodes with a one-layer model: everything a real run does, in seconds.

import { join } from 'node:path';
import type { z } from 'zod';
import type { StartHints } from '../../src/training/initialize.ts';
import type { OptimizerConfig } from '../../src/training/optimizers.ts';
import { type TrainingConfig, trainingConfigSchema } from '../../src/training/training-config.ts';

export type RunFile = z.input<typeof trainingConfigSchema>;

/** Twenty published items; as long as published ones are, so the model needs 512 positions for them. */
export const sampleFile = join(import.meta.dirname, '../data/prosqa-sample.json');

export const tinyRunFile: RunFile = {
  name: 'tiny-test',
  method: 'coconut',
  seed: 3,
  start: { kind: 'gpt2' },
  model: { layers: 1, width: 16, heads: 2, positions: 512 },
  maxStage: 2,
  data: { kind: 'prosqa', validation: sampleFile, validationItems: 1 },
  batch: { groups: 2, perGroup: 2 },
  segments: [
    { task: 'walks', trainSteps: 4, nodes: [5, 6], minHops: 1, ...constantRate(1e-3) },
    { stage: 3, trainSteps: 4, nodes: [5, 6], minHops: 1, ...constantRate(1e-3) },
  ],
  evaluateEverySteps: 1_000_000,
  saveEverySteps: 2,
  threads: 1,
};

export function constantRate(learningRate: number) {
  return { learningRate, finalLearningRate: learningRate };
}

export function tinyRun(changes: Partial<RunFile> = {}): TrainingConfig {
  return trainingConfigSchema.parse({ ...tinyRunFile, ...changes });
}

/** A start that needs to know nothing of the data. */
export const noHints: StartHints = { roles: { entities: [], structure: [] }, numbers: [] };

/** AdamW as the run files have it. */
export const tinyOptimizer: OptimizerConfig = {
  hiddenMatrices: 'adamw',
  betas: [0.9, 0.98],
  epsilon: 1e-8,
  weightDecay: 0.01,
  decay: 'matrices',
  clipNorm: 1,
};
