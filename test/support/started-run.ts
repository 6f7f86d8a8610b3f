// Runs of a few steps that start from a checkpoint, on a handful of arithmetic problems.
import { join } from 'node:path';
import { evaluateCheckpoint } from '../../src/training/evaluate.ts';
import { withEngine } from '../../src/training/evaluate-command.ts';
import type { TrainingConfig } from '../../src/training/training-config.ts';
import { constantRate, type RunFile, tinyRun } from './tiny-run.ts';

const data = (name: string): string => join(import.meta.dirname, '../data', name);

export const startedRun = (path: string, changes: Partial<RunFile> = {}): TrainingConfig =>
  tinyRun({
    start: { kind: 'checkpoint', path },
    model: null,
    maxStage: 1,
    data: {
      kind: 'gsm8k',
      train: data('gsm8k-sample.jsonl'),
      validation: data('gsm8k-aug-sample.txt'),
      overlap: 'remove',
    },
    batch: { groups: 4, perGroup: 1, microBatches: 2 },
    segments: [{ stage: 2, trainSteps: 2, ...constantRate(1e-3) }],
    ...changes,
  });

/** The same of an adapter over the checkpoint, for long enough to learn. */
export const startedAdapterRun = (path: string, changes: Partial<RunFile> = {}): TrainingConfig =>
  startedRun(path, {
    name: 'tiny-adapter',
    lora: { rank: 3, alpha: 6 },
    segments: [{ stage: 2, trainSteps: 12, ...constantRate(1e-2) }],
    ...changes,
  });

/** What the engine makes of one question, whatever it answers. */
export const askedOnce = (checkpointPath: string) =>
  withEngine(checkpointPath, { threads: 1, weights: 'fp32' }, (engine, served) => {
    const item = { question: 'How many?', steps: [], answer: '2' };
    return evaluateCheckpoint(engine, served, [item], () => true);
  });
