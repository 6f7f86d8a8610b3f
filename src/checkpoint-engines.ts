// An engine for each served checkpoint, started on first use, that reports into the metrics.
import type { Config } from './config.ts';
import { type Engine, startEngine } from './engine/engine.ts';
import type { CancelStage, StepReport } from './engine/messages.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { readModelFiles } from './model/checkpoint.ts';
import { dimensionsOf, type ModelConfig } from './model/model-config.ts';

export type ServingDeps = { config: Config; metrics: Metrics; log: Log };

/** A checkpoint's directory, and the id it is served under. */
export type ListedCheckpoint = { id: string; dir: string };

export class CheckpointEngines {
  readonly #deps: ServingDeps;
  readonly #byId = new Map<string, Engine>();

  constructor(deps: ServingDeps) {
    this.#deps = deps;
  }

  /** Throws CheckpointError where config.json or the weights' header is malformed. */
  of(checkpoint: ListedCheckpoint): Engine {
    const started = this.#byId.get(checkpoint.id);
    if (started) return started;
    const engine = startReporting(checkpoint, this.#deps);
    this.#byId.set(checkpoint.id, engine);
    return engine;
  }

  get started(): Engine[] {
    return [...this.#byId.values()];
  }
}

/** Positions of a slot: what the server gives, at most what the model has. */
export function slotCapacityOf(model: ModelConfig, { slotCapacity }: Config): number {
  return Math.min(slotCapacity, dimensionsOf(model).positions);
}

function startReporting(
  { id, dir }: ListedCheckpoint,
  { config, metrics, log }: ServingDeps,
): Engine {
  const { slots, maxPrefillTokens, threads, weights, queueLimit, prefixCacheBytes } = config;
  const { device, allowSoftwareGpu } = config;
  const slotCapacity = slotCapacityOf(readModelFiles(dir).config, config);
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
  metrics.coconut_queue_capacity.set({ model: id }, queueLimit);
  metrics.coconut_kv_cache_capacity_tokens.set({ model: id }, slots * slotCapacity);
  metrics.coconut_engine_restarts_total.inc({ model: id }, 0);
  for (const phase of cancelStages) {
    metrics.coconut_requests_cancelled_total.inc({ model: id, phase }, 0);
  }
  engine.onStep((report) => observeStep(report, { model: id, slots }, metrics));
  engine.onCrash((err, restarts) => {
    log.error({ model: id, err, restarts }, 'the engine’s thread crashed');
    if (restarts) metrics.coconut_engine_restarts_total.inc({ model: id });
    metrics.coconut_requests_running.set({ model: id }, 0);
    metrics.coconut_requests_waiting.set({ model: id }, 0);
    metrics.coconut_batch_occupancy_ratio.set({ model: id }, 0);
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

const cancelStages: CancelStage[] = ['queued', 'prefill', 'thinking', 'answering'];

export function observeStep(
  report: StepReport,
  { model, slots }: { model: string; slots: number },
  metrics: Metrics,
): void {
  const { prefillRows, latentRows, decodeRows } = report;
  const rows = { prefill: prefillRows, latent: latentRows, decode: decodeRows };
  const active = Object.entries(rows).filter(([, count]) => count > 0);
  const phase = active.length === 1 ? active[0]?.[0] : 'mixed';
  const labels = { model, phase: phase ?? 'mixed' };
  const batchSize = prefillRows + latentRows + decodeRows;
  // A step without rows only tells of an abort.
  if (batchSize > 0) {
    metrics.coconut_engine_steps_total.inc(labels);
    metrics.coconut_engine_step_seconds.observe(labels, report.durationMs / 1000);
    metrics.coconut_batch_size.observe(labels, batchSize);
    metrics.coconut_padding_positions_total.inc({ model }, report.paddedPositions);
  }
  for (const phase of report.cancelled) {
    metrics.coconut_requests_cancelled_total.inc({ model, phase });
  }
  const isIdle = report.running + report.waiting === 0;
  metrics.coconut_batch_occupancy_ratio.set({ model }, isIdle ? 0 : batchSize / slots);
  metrics.coconut_requests_running.set({ model }, report.running);
  metrics.coconut_requests_waiting.set({ model }, report.waiting);
  metrics.coconut_kv_cache_usage_ratio.set({ model }, report.kvUsage);
}
