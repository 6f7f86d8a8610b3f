// MODEL_DIR → the checkpoints in it → the models that are served.
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import {
  type CheckpointEngines,
  type ListedCheckpoint,
  type ServingDeps,
  slotCapacityOf,
} from './checkpoint-engines.ts';
import type { Config } from './config.ts';
import type { Log } from './log.ts';
import { type Checkpoint, readCheckpoint } from './model/checkpoint.ts';
import { checkpointDirs } from './model/checkpoint-dirs.ts';
import type { NamedModel } from './named-model.ts';
import { type ServedModel, thoughtLimits } from './routes/served-model.ts';
import { ownVersion } from './versions.ts';

export type ServedCheckpoints = {
  /** The default first. */
  models: ServedModel[];
  /** Tells the metrics of all models. Hashes their weights: an engine had better be loading by then. */
  exportInfo: () => void;
};

/** Where nothing is asked for: the checkpoint that README asks, not one that happens to come first by name. */
const PREFERRED = 'prosqa-coconut';

/**
 * The default first. `named`: what MODEL or MODEL_DIR names beyond the folder. Throws where there is none, or
 * MODEL is not among them.
 */
export function listCheckpoints(
  { modelDir, model }: Config,
  named: NamedModel | null,
): [ListedCheckpoint, ...ListedCheckpoint[]] {
  const dirs = named?.alone ? [] : checkpointDirs(modelDir);
  const listed = dirs.map((dir) => ({ id: basename(resolve(dir)), dir }));
  const others = listed.filter(({ id }) => id !== named?.id);
  const all: ListedCheckpoint[] = named ? [named, ...others] : others;
  const wanted = named?.id ?? model;
  const find = (name: string) => all.find(({ id }) => id === name);
  const first = wanted === undefined ? (find(PREFERRED) ?? all[0]) : find(wanted);
  if (!first) {
    const ids = all.map(({ id }) => id).join(', ') || 'no checkpoint';
    throw new Error(`${modelDir} holds ${ids}; MODEL asks for ${model ?? 'any'}`);
  }
  return [first, ...all.filter((checkpoint) => checkpoint !== first)];
}

/** Throws CheckpointError where one is malformed. */
export function readServedCheckpoints(
  deps: ServingDeps,
  [first, ...rest]: ReturnType<typeof listCheckpoints>,
  engines: CheckpointEngines,
): ServedCheckpoints {
  const isAlone = deps.config.device === 'webgpu';
  if (isAlone && rest.length > 0) {
    // Two engines are two threads, and two that compute on one GPU at a time crash the runtime.
    deps.log.warn({ model: first.id, leftOut: rest.map(({ id }) => id) }, 'one model per GPU');
  }
  const served = isAlone ? [first] : [first, ...rest];
  const models = served.map((checkpoint) => toServedModel(checkpoint, deps, engines));
  const exportInfo = () => {
    for (const model of models) exportModel(model, deps);
  };
  return { models, exportInfo };
}

function toServedModel(
  listed: ListedCheckpoint,
  deps: ServingDeps,
  engines: CheckpointEngines,
): ServedModel {
  const { id, dir } = listed;
  const checkpoint = readCheckpoint(dir, id);
  const { config, tokenizer, template, eosIds, generationConfig } = checkpoint;
  // To check them hashes the weights, which start-up had better not wait for.
  let evalReport: { checked: Checkpoint['evalReport'] } | undefined;
  return {
    id,
    createdSeconds: Math.floor(statSync(checkpoint.weightsPath).mtimeMs / 1000),
    config,
    tokenizer,
    chatTemplate: template,
    eosIds,
    samplingDefaults: {
      temperature: generationConfig.temperature ?? 1,
      topP: generationConfig.top_p ?? 1,
    },
    get evalReport() {
      evalReport ??= { checked: figuresOf(checkpoint, deps.log) };
      return evalReport.checked;
    },
    get weightsSha256() {
      return checkpoint.sha256;
    },
    get systemFingerprint() {
      return fingerprintOf(checkpoint.sha256, deps.config);
    },
    slotCapacity: slotCapacityOf(config, deps.config),
    engine: () => engines.of(listed),
  };
}

/** The same where the same request with the same seed gives the same text: weights, how they are held, where they run, whose code. */
function fingerprintOf(weightsSha256: string, { weights, device }: Config): string {
  const parts = JSON.stringify([weightsSha256, weights, device, ownVersion]);
  return `fp_${createHash('sha256').update(parts).digest('hex').slice(0, 10)}`;
}

/** Figures of other weights are not this checkpoint's: they are not served. */
function figuresOf(checkpoint: Checkpoint, log: Log): Checkpoint['evalReport'] {
  const { id, evalReport } = checkpoint;
  if (!evalReport) return null;
  const { sha256 } = checkpoint;
  const measured = evalReport.checkpoint_sha256;
  if (measured === sha256) return evalReport;
  log.warn({ model: id, sha256, measured }, 'eval.json is of others');
  return null;
}

function exportModel(model: ServedModel, { metrics, config }: ServingDeps): void {
  const { method } = model.config.coconut;
  const thoughts = String(thoughtLimits(model.config).default);
  const checkpoint_sha = model.weightsSha256;
  const { weights: quantization } = config;
  const info = { model: model.id, checkpoint_sha, quantization, method, thoughts };
  metrics.coconut_model_info.set(info, 1);
  const report = model.evalReport;
  if (!report?.cot_baseline) return;
  const { checkpoint: baseline, accuracy, mean_text_tokens, sd_text_tokens } = report.cot_baseline;
  const dataset = report.data.name;
  // Of eval.json, as against running the baseline beside the server.
  const about = { baseline, model: model.id };
  metrics.coconut_baseline_info.set({ ...about, dataset, method: 'measured' }, 1);
  metrics.coconut_baseline_tokens_mean.set({ baseline }, mean_text_tokens);
  metrics.coconut_baseline_tokens_stddev.set({ baseline }, sd_text_tokens);
  const accuracies = {
    cot: accuracy,
    coconut: report.as_trained.accuracy,
    ...(report.zero_thoughts && { 'zero-thoughts': report.zero_thoughts.accuracy }),
  };
  for (const [system, ratio] of Object.entries(accuracies)) {
    metrics.coconut_baseline_accuracy_ratio.set({ ...about, system }, ratio);
  }
}
