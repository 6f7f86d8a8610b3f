// What bench/train-step.ts times: sizes from the command line, and weights and tokens by formulas that
// pytorch/train_step.py computes too, so that both sides run the same model on the same batch.
import { parseArgs } from 'node:util';
import { type ModelConfig, modelConfigSchema } from '../src/model/model-config.ts';
import { parameterTable } from '../src/model/parameters.ts';
import { collate, type StagedGroup, type TrainBatch } from '../src/training/collate.ts';

const defaults = {
  layers: 3,
  width: 144,
  heads: 2,
  vocab: 600,
  positions: 512,
  /** Rows of one group share their first `context` tokens. */
  groups: 4,
  rows: 32,
  context: 216,
  /** Tokens before the first thought, the context's included. */
  question: 226,
  tail: 24,
  thoughts: 3,
  threads: 1,
  steps: 5,
  rounds: 3,
};
export type Scenario = typeof defaults;

/** Command-line options over the defaults; throws on an unknown or malformed one. */
export function readScenario(): Scenario {
  const options = Object.fromEntries(
    Object.keys(defaults).map((name) => [name, { type: 'string' as const }]),
  );
  const { values } = parseArgs({ options });
  const given = Object.entries(values).map(([name, text]) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 0) throw new Error(`--${name}: "${text}" is no count`);
    return [name, value];
  });
  const scenario: Scenario = { ...defaults, ...Object.fromEntries(given) };
  const { rows, groups } = scenario;
  if (rows % groups !== 0)
    throw new Error(`--rows ${rows} is not a multiple of --groups ${groups}`);
  return scenario;
}

export function modelConfig(scenario: Scenario): ModelConfig {
  return modelConfigSchema.parse({
    model_type: 'gpt2',
    vocab_size: scenario.vocab,
    n_positions: scenario.positions,
    n_embd: scenario.width,
    n_layer: scenario.layers,
    n_head: scenario.heads,
    eos_token_id: 0,
    coconut: {
      method: 'coconut',
      filler: 'thought',
      thoughts_per_step: 1,
      max_stage: scenario.thoughts,
      default_thoughts: scenario.thoughts,
      bot_token_id: 1,
      eot_token_id: 2,
      answer_marker: '### ',
    },
  });
}

/** The formula of pytorch/train_step.py: matrix n holds 0.05 sin(0.7 i² + n); gains 1, biases 0. */
export function formulaWeights(config: ModelConfig): Map<string, Float32Array> {
  return new Map(
    parameterTable(config).map(({ name, shape, kind }, n) => {
      const data = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
      if (kind === 'gain') data.fill(1);
      if (kind === 'matrix' || kind === 'embedding') {
        for (let i = 0; i < data.length; i++) data[i] = 0.05 * Math.sin(0.7 * i * i + n);
      }
      return [name, data];
    }),
  );
}

/** The batch of pytorch/train_step.py; each row whole, or the groups' contexts apart. */
export function formulaBatch(scenario: Scenario, contexts: 'repeated' | 'shared'): TrainBatch {
  const { rows, groups, context, question, tail, thoughts, vocab } = scenario;
  const perGroup = rows / groups;
  const id = (row: number, t: number): number => {
    const source = t < context ? Math.floor(row / perGroup) : row + groups;
    return (31 * source + 7 * t * t) % vocab;
  };
  const ids = (row: number, from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, i) => id(row, from + i));
  const apart = contexts === 'shared' ? context : 0;
  const staged = Array.from({ length: groups }, (_, group): StagedGroup => {
    const members = Array.from({ length: perGroup }, (_, i) => group * perGroup + i);
    return {
      contextIds: ids(members[0]!, 0, apart),
      examples: members.map((row) => ({
        questionIds: ids(row, apart, question),
        written: 0,
        thoughts,
        tailIds: ids(row, question, question + tail),
        unlabelled: 1,
      })),
    };
  });
  return collate(staged, { context: 1, question: 1, tail: 1 });
}
