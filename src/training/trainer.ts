// The loop: batch → train step → log; now and then evaluate and save. Owns order and bookkeeping only.

import { freshAdapter } from '../model/adapter.ts';
import { writeAdapter } from '../model/adapter-files.ts';
import { lastQuestionTemplate } from '../model/chat-template.ts';
import { type CheckpointParts, writeCheckpoint } from '../model/checkpoint-writer.ts';
import type { ModelConfig } from '../model/model-config.ts';
import {
  isStopHead,
  type ParameterRow,
  parameterCount,
  parameterTable,
} from '../model/parameters.ts';
import { trainedPlace } from '../model/prompt.ts';
import type { Device } from '../onnx/device.ts';
import { Random } from '../random.ts';
import { BatchSource } from './batch-source.ts';
import { shapePlan } from './compiled-shapes.ts';
import { thoughtsAsServed } from './evaluate.ts';
import { initialWeights, type Weights, withFresh } from './initialize.ts';
import { Learner, type StepResult } from './learner.ts';
import { mergeAdapter } from './merge.ts';
import { questionRequest } from './question-request.ts';
import type { RunDirectory, RunState } from './run-directory.ts';
import { checkpointConfig, toModelConfig } from './run-model.ts';
import { learningRateAt, locateStep, totalSteps } from './schedule.ts';
import { examplesOf, startWeights } from './start-checkpoint.ts';
import { decoderRows } from './thought-decoder.ts';
import { decoderLayersOf, type TrainingConfig } from './training-config.ts';
import { loadTrainingData, type TrainingData } from './training-data.ts';
import { adaptedBy, type FrozenBase } from './training-graph.ts';

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

export type TrainOptions = {
  /** What computes the steps: the CPU without. A run may go on on another one. */
  device?: Device;
  /** When aborted, the step under way is finished and saved, and training ends there. */
  stop?: AbortSignal;
};

/** Trains `config` to its end in `directory`, going on from what is saved there. */
export async function train(
  config: TrainingConfig,
  directory: RunDirectory,
  hooks: TrainerHooks,
  { device = 'cpu', stop }: TrainOptions = {},
): Promise<RunState> {
  const data = loadTrainingData(config);
  const modelConfig = toModelConfig(config, data);
  const base = frozenBase(config, data);
  checkValidation(config.name, modelConfig, data);
  const saved = directory.resume(config, data.hashes);
  const state: RunState = saved?.state ?? { trainStep: 0, updates: 0, examples: 0, seconds: 0 };
  const learner = new Learner(
    modelConfig,
    saved?.tensors ?? freshWeights(config, modelConfig, data, base),
    config.optimizer,
    { device, threads: config.threads },
    companionRows(config, modelConfig),
    base,
  );
  if (saved) learner.restore(saved.tensors, state.updates);
  const source = new BatchSource(config, data, shapePlan(device, parameterCount(modelConfig)));
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
      const record = {
        run: config,
        validationSha256: data.hashes.validation,
        ...(data.start && { startExamples: examplesOf(data.start.checkpoint) }),
        ...state,
      };
      keep(directory, await learner.weights(), data, base, {
        config: checkpointConfig(modelConfig, config, data, segment, removedTokens),
        training: record,
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
      directory.save({ config, hashes: data.hashes, state }, await learner.state());
  }
  await learner.release();
  return state;
}

/** Writes the checkpoint; of an adapter that too, and the checkpoint as anyone would merge it. */
function keep(
  { adapterPath, checkpointPath }: RunDirectory,
  weights: Weights,
  { start, tokenizerJson, hashes }: TrainingData,
  base: FrozenBase | null,
  about: Pick<CheckpointParts, 'config' | 'training'>,
): void {
  if (base) {
    const { dir } = start!.checkpoint;
    const reference = { path: dir, sha256: hashes.start! };
    const adapter = { ...about, lowRank: base.lowRank, base: reference, weights };
    writeAdapter(adapterPath, adapter, base.files.config);
    mergeAdapter(adapterPath, checkpointPath);
    return;
  }
  writeCheckpoint(checkpointPath, {
    ...about,
    weights,
    tokenizerJson,
    chatTemplate: lastQuestionTemplate,
    evalReport: null,
  });
}

/** @throws where a validation item has no room for its answer: before the first step, not at the first validation */
function checkValidation(
  id: string,
  config: ModelConfig,
  { tokenizer, validation }: TrainingData,
): void {
  const thoughts = thoughtsAsServed({ config });
  for (const { question } of validation)
    questionRequest(
      { id, config, tokenizer, eosIds: [] },
      question,
      thoughts,
      trainedPlace(config),
    );
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

const frozenBase = ({ lora }: TrainingConfig, { start }: TrainingData): FrozenBase | null =>
  lora && start && { lowRank: lora, files: start.checkpoint };

/** Of all that is trained. */
function freshWeights(
  config: TrainingConfig,
  modelConfig: ModelConfig,
  data: TrainingData,
  base: FrozenBase | null,
): Weights {
  const random = new Random(config.seed);
  const whole = baseWeights(config, modelConfig, data, random);
  const weights = base
    ? freshAdapter(adaptedBy(modelConfig, base), whole, () => random.uniform())
    : whole;
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
  return initialWeights(modelConfig, start, data, random);
}

/** What is trained beside the model and is no part of its checkpoint. */
function companionRows(config: TrainingConfig, modelConfig: ModelConfig): ParameterRow[] {
  if (config.supervision !== 'decoder') return [];
  return decoderRows(modelConfig, decoderLayersOf(config));
}
