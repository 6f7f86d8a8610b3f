// MODEL_DIR → the models that are served, each with an engine that starts on first use and reports
// into the metrics.
import { statSync } from 'node:fs';
import type { Config } from './config.ts';
import { type Engine, startEngine } from './engine/engine.ts';
import type { StepReport } from './engine/messages.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { parseChatTemplate } from './model/chat-template.ts';
import { type Checkpoint, readCheckpoint } from './model/checkpoint.ts';
import { checkpointDirs } from './model/checkpoint-dirs.ts';
import { dimensionsOf } from './model/model-config.ts';
import type { NamedModel } from './named-model.ts';
import { type ServedModel, thoughtLimits } from './routes/served-model.ts';

export type ServedCheckpoints = {
  /** The default first. */
  models: ServedModel[];
  /** Those that were started. */
  engines: () => Engine[];
  /** Tells the metrics of all models. Hashes their weights: an engine had better be loading by then. */
  exportInfo: () => void;
};

type Deps = { config: Config; metrics: Metrics; log: Log };

/**
 * `named`: what MODEL or MODEL_DIR names beyond the folder; it comes first. Throws where a checkpoint is
 * malformed, there is none, or MODEL is not among them.
 */
export function readServedCheckpoints(
  deps: Deps,
  named: NamedModel | null = null,
): ServedCheckpoints {
  const { config } = deps;
  const started: Engine[] = [];
  const listed = named?.alone
    ? []
    : checkpointDirs(config.modelDir).map((dir) => readCheckpoint(dir));
  const others = listed.filter(({ id }) => id !== named?.id);
  const checkpoints = named ? [readCheckpoint(named.dir, named.id), ...others] : others;
  const models = checkpoints.map((checkpoint) => toServedModel(checkpoint, deps, started));
  const wanted = named?.id ?? config.model;
  const first = wanted === undefined ? models[0] : models.find((m) => m.id === wanted);
  if (!first) {
    const ids = models.map((model) => model.id).join(', ') || 'no checkpoint';
    throw new Error(`${config.modelDir} holds ${ids}; MODEL asks for ${config.model ?? 'any'}`);
  }
  const rest = models.filter((model) => model !== first);
  const isAlone = config.device === 'webgpu';
  if (isAlone && rest.length > 0) {
    // Two engines are two threads, and two that compute on one GPU at a time crash the runtime.
    deps.log.warn({ model: first.id, leftOut: rest.map(({ id }) => id) }, 'one model per GPU');
  }
  const served = isAlone ? [first] : [first, ...rest];
  const exportInfo = () => {
    for (const model of served) exportModel(model, deps.metrics);
  };
  return { models: served, engines: () => started, exportInfo };
}

function toServedModel(checkpoint: Checkpoint, deps: Deps, started: Engine[]): ServedModel {
  const { id, config, tokenizer, chatTemplate, eosIds, generationConfig } = checkpoint;
  const slotCapacity = Math.min(deps.config.slotCapacity, dimensionsOf(config).positions);
  let engine: Engine | null = null;
  // To check them hashes the weights, which start-up had better not wait for.
  let evalReport: { checked: Checkpoint['evalReport'] } | undefined;
  const start = () => {
    engine = startReporting(checkpoint, slotCapacity, deps);
    started.push(engine);
    return engine;
  };
  return {
    id,
    createdSeconds: Math.floor(statSync(checkpoint.weightsPath).mtimeMs / 1000),
    config,
    tokenizer,
    chatTemplate: parseChatTemplate(chatTemplate),
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
    slotCapacity,
    engine: () => engine ?? start(),
  };
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

function startReporting(
  { id, dir }: Checkpoint,
  slotCapacity: number,
  { config, metrics, log }: Deps,
): Engine {
  const { slots, maxPrefillTokens, threads, weights, queueLimit, prefixCacheBytes } = config;
  const { device, allowSoftwareGpu } = config;
  const options = {
    checkpointDir: dir,
    slots,
    slotCapacity,
    maxPrefillTokens,
    threads,
    weights,
    prefixCacheBytes,
    device,
    allowSoftwareGpu,
  };
  const engine = startEngine(options, { queueLimit });
  metrics.coconut_batch_slots.set({ model: id }, slots);
  engine.onStep((report) => observeStep(report, id, metrics));
  metrics.coconut_engine_restarts_total.inc({ model: id }, 0);
  engine.onCrash((err, restarts) => {
    log.error({ model: id, err, restarts }, 'the engine’s thread crashed');
    if (restarts) metrics.coconut_engine_restarts_total.inc({ model: id });
    metrics.coconut_requests_running.set({ model: id }, 0);
    metrics.coconut_requests_waiting.set({ model: id }, 0);
  });
  engine.ready().then(
    ({ loadMs, adapter }) => {
      metrics.coconut_model_load_seconds.set({ model: id }, loadMs / 1000);
      metrics.coconut_device_info.set({ model: id, device, adapter: adapter?.name ?? 'none' }, 1);
      log.info({ model: id, device, adapter }, 'engine ready');
    },
    // onCrash has told of it.
    () => {},
  );
  return engine;
}

function observeStep(report: StepReport, model: string, metrics: Metrics): void {
  const { prefillRows, latentRows, decodeRows } = report;
  const rows = { prefill: prefillRows, latent: latentRows, decode: decodeRows };
  const active = Object.entries(rows).filter(([, count]) => count > 0);
  const phase = active.length === 1 ? active[0]?.[0] : 'mixed';
  const labels = { model, phase: phase ?? 'mixed' };
  // A step without rows only tells of an abort.
  if (active.length > 0) {
    metrics.coconut_engine_step_seconds.observe(labels, report.durationMs / 1000);
    metrics.coconut_batch_size.observe(labels, prefillRows + latentRows + decodeRows);
  }
  metrics.coconut_requests_running.set({ model }, report.running);
  metrics.coconut_requests_waiting.set({ model }, report.waiting);
  metrics.coconut_kv_cache_usage_ratio.set({ model }, report.kvUsage);
}

function exportModel(model: ServedModel, metrics: Metrics): void {
  const { method } = model.config.coconut;
  const thoughts = String(thoughtLimits(model.config).default);
  const checkpoint_sha = model.weightsSha256;
  metrics.coconut_model_info.set({ model: model.id, checkpoint_sha, method, thoughts }, 1);
  const report = model.evalReport;
  if (!report?.cot_baseline) return;
  const { checkpoint: baseline, accuracy, mean_text_tokens, sd_text_tokens } = report.cot_baseline;
  const dataset = report.data.name;
  metrics.coconut_baseline_info.set({ baseline, dataset, model: model.id }, 1);
  metrics.coconut_baseline_tokens_mean.set({ baseline }, mean_text_tokens);
  metrics.coconut_baseline_tokens_stddev.set({ baseline }, sd_text_tokens);
  metrics.coconut_baseline_accuracy_ratio.set({ baseline, system: 'cot' }, accuracy);
  const coconut = report.as_trained.accuracy;
  metrics.coconut_baseline_accuracy_ratio.set({ baseline, system: 'coconut' }, coconut);
}
