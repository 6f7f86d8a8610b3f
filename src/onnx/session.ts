// The only file that imports ONNX Runtime: creates sessions, checks what is fed, names what failed.
import './telemetry-off.ts';
import * as ort from 'onnxruntime-node';
import { cudaRemedy } from './cuda-libraries.ts';
import type { Device } from './device.ts';
import type { DType, Graph, TensorData, Value } from './graph.ts';

/** bfloat16 is for weights: JavaScript has no array of it. */
type TensorDType = Exclude<DType, 'bfloat16'>;

export type Tensor = { dtype: TensorDType; data: TensorData; dims: readonly number[] };

export type SessionOptions = {
  /** The CPU without. */
  device?: Device;
  /** Outputs that stay in a WebGPU device's memory; they come from runKeeping() alone. */
  keep?: readonly string[];
  /** Threads that compute one operator. */
  threads: number;
  /** false: give scratch memory back after each run, for programs that hold many sessions. */
  arena?: boolean;
  /** Folder of the files that mapped initializers name. */
  weightsDir?: string;
  /** Write what each operator takes to a JSON file whose path begins so; endProfiling() closes it. */
  profilePrefix?: string;
};

/** A tensor over `data`, which is not copied; throws when the sizes disagree. */
export function tensor(dtype: TensorDType, data: TensorData, dims: readonly number[]): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  if (data.length !== size)
    throw new Error(`tensor [${dims}] needs ${size} elements, got ${data.length}`);
  return { dtype, data, dims };
}

/**
 * A float32 tensor in the memory of a WebGPU device. It can be fed, and written in place, but not read
 * (the runtime has no download in Node); any session of the process on that device may take it.
 */
export class DeviceTensor {
  readonly dtype = 'float32';
  readonly dims: readonly number[];
  readonly #value: ort.Tensor;

  constructor(value: ort.Tensor) {
    this.dims = value.dims;
    this.#value = value;
  }

  /** The runtime's own handle, for Session alone. */
  get handle(): ort.Tensor {
    return this.#value;
  }

  /** Frees the memory; before the session that made it is released, and not while a run uses it. */
  dispose(): void {
    this.#value.dispose();
  }
}

/** In JavaScript's memory or a device's. */
export type AnyTensor = Tensor | DeviceTensor;

export type Feeds = Readonly<Record<string, AnyTensor>>;

export class Session {
  readonly #session: ort.InferenceSession;
  readonly #graph: Graph;

  constructor(session: ort.InferenceSession, graph: Graph) {
    this.#session = session;
    this.#graph = graph;
  }

  /** What a run must be fed. */
  get inputs(): readonly Value[] {
    return this.#graph.inputs;
  }

  /**
   * Computes every output (or only those in `fetches`). Blocks the calling thread: the runtime
   * computes synchronously although it answers with a promise. Outputs are fresh copies.
   */
  async run(feeds: Feeds, fetches?: readonly string[]): Promise<Record<string, Tensor>> {
    const inputs = this.#inputs(feeds);
    const outputs = await (fetches
      ? this.#session.run(inputs, fetches)
      : this.#session.run(inputs));
    return hostTensors(outputs);
  }

  /**
   * Computes every output, those named in `places` into these tensors, where they are and without a
   * copy; the others are returned. A tensor may be fed and written in the same run where the graph
   * scatters into it and what it reads elsewhere does not depend on the order.
   */
  async runInPlace(
    feeds: Feeds,
    places: Readonly<Record<string, DeviceTensor>>,
  ): Promise<Record<string, Tensor>> {
    const fetches = Object.fromEntries(
      this.#graph.outputs.map(({ name }) => [name, places[name]?.handle ?? null]),
    );
    const outputs = await this.#session.run(this.#inputs(feeds), fetches);
    return hostTensors(Object.fromEntries(Object.entries(outputs).filter(([n]) => !places[n])));
  }

  /** Computes every output; those that the session keeps come as they are, on the device. */
  async runKeeping(
    feeds: Feeds,
  ): Promise<{ kept: Record<string, DeviceTensor>; outputs: Record<string, Tensor> }> {
    const all = Object.entries(await this.#session.run(this.#inputs(feeds)));
    const isKept = (value: ort.Tensor) => value.location === 'gpu-buffer';
    const kept = all.filter(([, value]) => isKept(value));
    return {
      kept: Object.fromEntries(kept.map(([name, value]) => [name, new DeviceTensor(value)])),
      outputs: hostTensors(Object.fromEntries(all.filter(([, value]) => !isKept(value)))),
    };
  }

  #inputs(feeds: Feeds): Record<string, ort.Tensor> {
    return Object.fromEntries(
      this.#graph.inputs.map((input) => [input.name, toRuntime(this.#checked(input, feeds))]),
    );
  }

  #checked({ name, dtype, shape }: Value, feeds: Feeds): AnyTensor {
    const fed = feeds[name];
    if (!fed) throw new Error(`graph ${this.#graph.name}: input "${name}" is missing`);
    const fits =
      fed.dims.length === shape.length &&
      shape.every((dim, i) => typeof dim === 'string' || dim === fed.dims[i]);
    if (fed.dtype !== dtype || !fits) {
      throw new Error(
        `graph ${this.#graph.name}: input "${name}" is ${dtype}[${shape}], got ${fed.dtype}[${fed.dims}]`,
      );
    }
    return fed;
  }

  /** Writes the profile; only for sessions made with a profilePrefix. */
  endProfiling(): void {
    this.#session.endProfiling();
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

function toRuntime(fed: AnyTensor): ort.Tensor {
  if (fed instanceof DeviceTensor) return fed.handle;
  return new ort.Tensor(fed.dtype, fed.data as Float32Array, fed.dims);
}

function hostTensors(outputs: ort.InferenceSession.OnnxValueMapType): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { type, data, dims }]) => [
      name,
      { dtype: type as TensorDType, data: data as TensorData, dims },
    ]),
  );
}

/** Prepares `bytes` (encodeGraph(graph)) to run. Throws where the device is not to be had. */
export async function createSession(
  graph: Graph,
  bytes: Uint8Array,
  options: SessionOptions,
): Promise<Session> {
  const { device = 'cpu', keep = [], threads, arena = true, weightsDir } = options;
  const session = ort.InferenceSession.create(bytes, {
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    enableCpuMemArena: arena,
    // Planned memory is one block: CUDA's arena would hold that and what the first, unplanned run took.
    enableMemPattern: device !== 'cuda',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    ...(options.profilePrefix && {
      enableProfiling: true,
      profileFilePrefix: options.profilePrefix,
    }),
    ...(keep.length > 0 && {
      preferredOutputLocation: Object.fromEntries(keep.map((name) => [name, 'gpu-buffer'])),
    }),
    ...(weightsDir && {
      extra: { session: { model_external_initializers_file_folder_path: weightsDir } },
    }),
  });
  return new Session(await session.catch((cause) => failed(device, cause)), graph);
}

/** What to look at where a provider cannot start; any other failure is passed on as it is. */
const remedies: Partial<Record<Device, { symptom: RegExp; remedy: () => string }>> = {
  webgpu: {
    symptom: /adapter/i,
    remedy: () => 'no WebGPU adapter: a Vulkan loader (libvulkan1) and a driver for it are needed',
  },
  cuda: { symptom: /shared library/i, remedy: () => `no CUDA provider: ${cudaRemedy()}` },
};

function failed(device: Device, cause: Error): never {
  const known = remedies[device];
  if (!known?.symptom.test(cause.message)) throw cause;
  throw new Error(`device ${device}: ${known.remedy()}`, { cause });
}
