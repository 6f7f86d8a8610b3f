// A run of a few steps that trains an adapter over a start checkpoint, on a handful of arithmetic problems.
import { join } from 'node:path';
import type { TrainingConfig } from '../../src/training/training-config.ts';
import { constantRate, type RunFile, tinyRun } from './tiny-run.ts';

const data = (name: string): string => join(import.meta.dirname, '../data', name);

export const startedRun = (path: string, changes: Partial<RunFile> = {}): TrainingConfig =>
  tinyRun({
    name: 'tiny-adapter',
    start: { kind: 'checkpoint', path },
    model: null,
    lora: { rank: 3, alpha: 6 },
    maxStage: 1,
    data: {
      kind: 'gsm8k',
      train: data('gsm8k-sample.jsonl'),
      validation: data('gsm8k-aug-sample.txt'),
      overlap: 'remove',
    },
    batch: { groups: 4, perGroup: 1, microBatches: 2 },
    segments: [{ stage: 2, trainSteps: 12, ...constantRate(1e-2) }],
    ...changes,
  });
