// Reads what test/golden/make_goldens.py wrote: models with continuous thoughts as PyTorch computes them.
import { readFileSync } from 'node:fs';
import { type ModelConfig, modelConfigSchema } from '../../src/model/model-config.ts';
import type { OptimizerConfig } from '../../src/training/optimizers.ts';

type Nested = readonly (number | Nested)[];

/** One item, computed alone and without padding. */
export type GoldenItem = {
  /** Leading question tokens that items 2i and 2i + 1 have in common. */
  contextLength: number;
  /** Ends at <bot>. */
  question: number[];
  /** <eot>, text, <eos>; every position but the first is a label. */
  tail: number[];
  /** [labels][V], at the positions that predict the labels. */
  logits: number[][];
  /** [K][D] */
  thoughts: number[][];
};

/** Ten optimiser steps on the whole batch, from the golden weights. */
export type GoldenRun = {
  optimizer: Pick<OptimizerConfig, 'weightDecay' | 'decay' | 'clipNorm'> & { learningRate: number };
  /** Before each step; norms before clipping. */
  losses: number[];
  gradNorms: number[];
  /** A few parameters after the last step. */
  parameters: Map<string, Float32Array>;
  /** L2 distance that each parameter moved. */
  distances: Record<string, number>;
};

export type Golden = {
  thoughts: number;
  items: GoldenItem[];
  /** Mean cross entropy over all labels of all items. */
  loss: number;
  gradients: Map<string, Float32Array>;
  runs: GoldenRun[];
};

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../golden/${name}.json`, import.meta.url), 'utf8'));

const flatten = (tensors: Record<string, Nested>): Map<string, Float32Array> =>
  new Map(
    Object.entries(tensors).map(([name, rows]) => [
      name,
      Float32Array.from(rows.flat(4) as number[]),
    ]),
  );

export const goldenArchitectures = ['gpt2', 'llama'] as const;
export type GoldenArchitecture = (typeof goldenArchitectures)[number];

export function goldenModel(architecture: GoldenArchitecture): {
  config: ModelConfig;
  weights: Map<string, Float32Array>;
} {
  const { config, bot, eot, weights } = read(`${architecture}-weights`);
  const coconut = {
    method: 'coconut',
    filler: 'thought',
    thoughts_per_step: 1,
    max_stage: 3,
    default_thoughts: 3,
    bot_token_id: bot,
    eot_token_id: eot,
    answer_marker: '### ',
  };
  return { config: modelConfigSchema.parse({ ...config, coconut }), weights: flatten(weights) };
}

/** Pauses or zeros in place of thoughts, see make_goldens.py. */
export type GoldenControl = Pick<Golden, 'loss' | 'gradients'> & {
  items: Pick<GoldenItem, 'contextLength' | 'question' | 'tail'>[];
  /** Token id of <pause>. */
  pause: number;
  count: number;
};

export const goldenControls = ['pause', 'pause-pass', 'zero'] as const;

export function readGoldenControl(
  architecture: GoldenArchitecture,
  filler: (typeof goldenControls)[number],
): GoldenControl {
  const golden = read(`${architecture}-${filler}`);
  return { ...golden, gradients: flatten(golden.gradients) };
}

export function readGolden(architecture: GoldenArchitecture, thoughts: 0 | 1 | 3): Golden {
  const golden = read(`${architecture}-${thoughts}-thoughts`);
  return {
    ...golden,
    gradients: flatten(golden.gradients),
    runs: golden.runs.map((run: { parameters: Record<string, Nested> }) => ({
      ...run,
      parameters: flatten(run.parameters),
    })),
  };
}
