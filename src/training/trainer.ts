// The loop: batch → train step → log; now and then evaluate and save. Owns order and bookkeeping only.

import { lastQuestionTemplate } from '../model/chat-template.ts';
import { writeCheckpoint } from '../model/checkpoint.ts';
import { type ModelConfig, modelConfigSchema } from '../model/model-config.ts';
import { isStopHead, type ParameterRow, parameterTable } from '../model/parameters.ts';
import { Random } from '../random.ts';
import { BatchSource } from './batch-source.ts';
import { ANSWER_MARKER, lastStage, methodStage, stagePlan } from './curriculum.ts';
import { initialWeights, type Weights, withFresh } from './initialize.ts';
import { Learner, type StepResult } from './learner.ts';
import { methods } from './methods.ts';
import type { RunDirectory, RunState } from './run-directory.ts';
import { startWeights } from './start-checkpoint.ts';
import { decoderRows } from './thought-decoder.ts';
import {
  decoderLayersOf,
  learningRateAt,
  locateStep,
  type ModelSizes,
  type TrainingConfig,
  totalSteps,
} from './training-config.ts';
import { loadTrainingData, type TrainingData } from './training-data.ts';

export type Progress = {
  state: RunState;
  total: number;
  segment: number;
  stage: number;
  examplesPerSecond: number;
  result: StepResult;
};

export type TrainerHooks = {
  onStep: (progress: Progress) => void;
  /** Scores the checkpoint just written; what it returns goes to metrics.jsonl. */
  evaluate: (checkpointPath: string, data: TrainingData) => Promise<Record<string, number>>;
};

/**
 * Trains `config` to its end in `directory`, going on from what is saved there.
 * @param stop when aborted, the step under way is finished and saved, and training ends there
 */
export async function train(
  config: TrainingConfig,
  directory: RunDirectory,
  hooks: TrainerHooks,
  stop?: AbortSignal,
): Promise<RunState> {
  const data = loadTrainingData(config);
  const modelConfig = toModelConfig(config, data);
  const saved = directory.resume(config);
  const state: RunState = saved?.state ?? { trainStep: 0, updates: 0, examples: 0, seconds: 0 };
  const learner = new Learner(
    modelConfig,
    saved?.tensors ?? freshWeights(config, modelConfig, data),
    config.optimizer,
    config.threads,
    companionRows(config, modelConfig),
  );
  if (saved) learner.restore(saved.tensors, state.updates);
  const source = new BatchSource(config, data);
  const clock = stopwatch(state);

  while (state.trainStep < totalSteps(config) && !stop?.aborted) {
    const { segment, index, within } = locateStep(config, state.trainStep);
    const started = performance.now();
    const { batches, stage, removedTokens, resetsOptimizer } = source.batch(state.trainStep);
    if (resetsOptimizer) learner.resetOptimizer();
    const learningRate = learningRateAt(segment, within);
    const result = await learner.step(batches, learningRate);
    const rows = batches.reduce((sum, { shape }) => sum + shape.rows, 0);
    state.trainStep++;
    state.updates = learner.updates;
    state.examples += rows;
    clock.lap();
    const examplesPerSecond = (1000 * rows) / (performance.now() - started);
    directory.appendMetrics({
      kind: 'train',
      segment: index,
      task: segment.task,
      stage,
      removedTokens,
      learningRate,
      examplesPerSecond,
      ...state,
      ...result,
    });
    hooks.onStep({
      state,
      total: totalSteps(config),
      segment: index,
      stage,
      examplesPerSecond,
      result,
    });
    const done = state.trainStep === totalSteps(config);
    if (done || state.trainStep % config.evaluateEverySteps === 0) {
      writeCheckpoint(directory.checkpointPath, {
        config: modelConfig,
        weights: learner.weights(),
        tokenizerJson: data.tokenizerJson,
        chatTemplate: lastQuestionTemplate,
        training: { run: config, validationSha256: data.validationHash, ...state },
        evalReport: null,
      });
      const figures = await hooks.evaluate(directory.checkpointPath, data);
      clock.lap();
      directory.appendMetrics({
        kind: 'validation',
        segment: index,
        stage: segment.stage,
        ...state,
        ...figures,
      });
    }
    if (done || stop?.aborted || state.trainStep % config.saveEverySteps === 0)
      directory.save(config, state, learner.tensors);
  }
  await learner.release();
  return state;
}

/** Adds the time since the last lap to state.seconds. */
function stopwatch(state: RunState): { lap: () => void } {
  let last = performance.now();
  return {
    lap: () => {
      const now = performance.now();
      state.seconds += (now - last) / 1000;
      last = now;
    },
  };
}

function freshWeights(
  config: TrainingConfig,
  modelConfig: ModelConfig,
  data: TrainingData,
): Weights {
  const random = new Random(config.seed);
  const weights = baseWeights(config, modelConfig, data, random);
  const heads = parameterTable(modelConfig).filter(({ name }) => isStopHead(name));
  return withFresh(weights, [...heads, ...companionRows(config, modelConfig)], modelConfig, random);
}

function baseWeights(
  { start }: TrainingConfig,
  modelConfig: ModelConfig,
  data: TrainingData,
  random: Random,
): Weights {
  if (data.start) return startWeights(data.start);
  if (start.kind === 'checkpoint') throw new Error(`${start.path} was not opened with the data`);
  return initialWeights(modelConfig, start, data.roles, random);
}

/** What is trained beside the model and is no part of its checkpoint. */
function companionRows(config: TrainingConfig, modelConfig: ModelConfig): ParameterRow[] {
  if (config.supervision !== 'decoder') return [];
  return decoderRows(modelConfig, decoderLayersOf(config));
}

/** The model that a run trains: its own sizes or its start's, the data's vocabulary, the method's markers. */
export function toModelConfig(
  config: TrainingConfig,
  { start, tokenizer, vocabulary }: TrainingData,
): ModelConfig {
  const method = methods[config.method];
  const { thoughts } = stagePlan(
    methodStage(method, lastStage(config), config),
    config.maxStage,
    config,
  );
  const thinks = method.filler === 'thought';
  return modelConfigSchema.parse({
    ...(config.model ? architectureFields(config.model) : start?.checkpoint.config),
    vocab_size: tokenizer.vocabSize,
    eos_token_id: vocabulary.eos,
    coconut: {
      method: config.method,
      filler: method.filler,
      thoughts_per_step: config.thoughtsPerStep,
      max_stage: config.maxStage,
      default_thoughts: method.filler === 'none' ? 0 : thoughts,
      bot_token_id: thinks ? vocabulary.bot : null,
      eot_token_id: thinks ? vocabulary.eot : null,
      pause_token_id: method.filler === 'pause' ? vocabulary.pause : null,
      answer_marker: ANSWER_MARKER,
      supervision: config.supervision,
      ...trainedOptions(config),
      ...(config.latentUpdate.kind === 'jacobi' && {
        latent_update: { ...config.latentUpdate, slot_token_id: vocabulary.pause },
      }),
    },
  });
}

/** What config.json says of a run's options, but for token ids. */
export const trainedOptions = ({ stopHead, distillation, latentUpdate }: TrainingConfig) => ({
  stop_head: stopHead !== null,
  distilled: distillation !== null,
  latent_update: latentUpdate,
});

/** The sizes of a run file under the names of Hugging Face's configuration. */
function architectureFields(model: ModelSizes): Record<string, unknown> {
  const { architecture, layers, width, heads, kvHeads, inner, positions } = model;
  if (architecture === 'gpt2') {
    return {
      model_type: 'gpt2',
      n_positions: positions,
      n_embd: width,
      n_layer: layers,
      n_head: heads,
      n_inner: inner,
    };
  }
  return {
    model_type: 'llama',
    max_position_embeddings: positions,
    hidden_size: width,
    intermediate_size: inner ?? 4 * width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads ?? heads,
    tie_word_embeddings: true,
  };
}
