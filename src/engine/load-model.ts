// A checkpoint → what runs its steps, on the device that was asked for. Keys and values stay on a
// WebGPU device; CUDA's are the host's, because the runtime hands its outputs to JavaScript as copies.
import { clockMs } from '../clock.ts';
import { type ModelFiles, readModelFiles } from '../model/checkpoint.ts';
import { dimensionsOf } from '../model/model-config.ts';
import { servingModel } from '../model/serving-model.ts';
import { type Adapter, usableAdapter } from '../onnx/device.ts';
import { deviceZeros } from '../onnx/device-memory.ts';
import { createSession, type Session } from '../onnx/session.ts';
import { DeviceKvCache, tableRows } from './device-kv-cache.ts';
import { KvCache } from './kv-cache.ts';
import type { EngineOptions, LoadEndings } from './messages.ts';
import { ModelRunner, type Runner } from './model-runner.ts';
import { PrefixCache } from './prefix-cache.ts';
import type { ModelLimits } from './request-check.ts';
import { type Refinement, refinementOf } from './thought-inputs.ts';

export type LoadedModel = {
  runner: Runner;
  limits: ModelLimits;
  /** How its thoughts are found, where not one by one. */
  refinement: Refinement | undefined;
  /** What is behind WebGPU; null for other devices. */
  adapter: Adapter | null;
  endings: LoadEndings;
  release(): Promise<void>;
};

/** Throws where the checkpoint is malformed, or the device missing, too small or a software one. */
export async function loadModel(options: EngineOptions): Promise<LoadedModel> {
  const files = readModelFiles(options.checkpointDir);
  const { config } = files;
  const { width, vocab, positions } = dimensionsOf(config);
  const slotCapacity = Math.min(options.slotCapacity, positions);
  const refinement = refinementOf(config);
  const { stop_head: hasStopHead } = config.coconut;
  const hasParallelThoughts = refinement !== undefined;
  const limits = { vocabSize: vocab, width, slotCapacity, hasStopHead, hasParallelThoughts };
  const about = { limits, refinement };
  return options.device === 'webgpu'
    ? { ...(await onDevice(files, options, slotCapacity)), ...about }
    : { ...(await onHost(files, options, slotCapacity)), ...about, adapter: null };
}

async function onHost(files: ModelFiles, options: EngineOptions, capacity: number) {
  const { config } = files;
  const { session, endings } = await sessionFor(files, options, 'host');
  const { layers, kvHeads: heads, headSize } = dimensionsOf(config);
  const cache = new KvCache({ layers, heads, headSize, slots: options.slots, capacity });
  const prefixes = new PrefixCache<Float32Array>(options.prefixCacheBytes ?? 0);
  const runner = new ModelRunner(config, session, cache, prefixes);
  return { runner, endings, release: () => session.release() };
}

async function onDevice(files: ModelFiles, options: EngineOptions, capacity: number) {
  const { config } = files;
  const { slots, prefixCacheBytes = 0 } = options;
  const { session, endings } = await sessionFor(files, options, 'device');
  const adapter = await adapterBehind(session, options);
  const { layers, kvHeads, headSize } = dimensionsOf(config);
  const shape = { slots, capacity, positionBytes: 2 * layers * kvHeads * headSize * 4 };
  const rows = tableRows(shape, prefixCacheBytes);
  const memory = await deviceZeros([rows, kvHeads * headSize], 2 * layers).catch((cause) => {
    const megabytes = Math.ceil((rows * shape.positionBytes) / 1e6);
    throw new Error(
      `device webgpu: no room for keys and values of ${rows} positions, ${megabytes} MB; lower SLOTS, SLOT_CAPACITY or PREFIX_CACHE_MB`,
      { cause },
    );
  });
  const cache = new DeviceKvCache(shape, {
    keys: memory.tensors.slice(0, layers),
    values: memory.tensors.slice(layers),
  });
  const runner = new ModelRunner(config, session, cache, new PrefixCache(prefixCacheBytes));
  const release = async () => {
    await memory.release();
    await session.release();
  };
  return { runner, endings, release, adapter };
}

/** Throws, and lets the session go, where it is a software one that is not allowed. */
async function adapterBehind(session: Session, options: EngineOptions): Promise<Adapter> {
  try {
    return usableAdapter(options.allowSoftwareGpu ?? false, 'set ALLOW_SOFTWARE_GPU=true');
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function sessionFor(
  files: ModelFiles,
  { weights, threads, device = 'cpu' }: EngineOptions,
  residence: 'host' | 'device',
): Promise<{ session: Session; endings: LoadEndings }> {
  const { graph, bytes, weightsDir } = servingModel(files, weights, residence);
  const weightsMs = clockMs();
  const session = await createSession(graph, bytes, { device, threads, weightsDir });
  return { session, endings: { weightsMs, sessionMs: clockMs() } };
}
