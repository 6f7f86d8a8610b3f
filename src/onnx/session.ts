// The only file that imports ONNX Runtime: creates sessions, checks what is fed, names what failed.
import './telemetry-off.ts';
import * as ort from 'onnxruntime-node';
import type { DType, Graph, TensorData } from './graph.ts';

/** bfloat16 is for weights: JavaScript has no array of it. */
type TensorDType = Exclude<DType, 'bfloat16'>;

export type Tensor = { dtype: TensorDType; data: TensorData; dims: readonly number[] };

export type SessionOptions = {
  /** Threads that compute one operator. */
  threads: number;
  /** false: give scratch memory back after each run, for programs that hold many sessions. */
  arena?: boolean;
  /** Folder of the files that mapped initializers name. */
  weightsDir?: string;
  /** Where endProfiling() leaves the runtime's own profile: this, a date, and .json. */
  profilePrefix?: string;
};

/** A tensor over `data`, which is not copied; throws when the sizes disagree. */
export function tensor(dtype: TensorDType, data: TensorData, dims: readonly number[]): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  if (data.length !== size)
    throw new Error(`tensor [${dims}] needs ${size} elements, got ${data.length}`);
  return { dtype, data, dims };
}

export class Session {
  readonly #session: ort.InferenceSession;
  readonly #graph: Graph;

  constructor(session: ort.InferenceSession, graph: Graph) {
    this.#session = session;
    this.#graph = graph;
  }

  /**
   * Computes every output (or only those in `fetches`). Blocks the calling thread: the runtime
   * computes synchronously although it answers with a promise. Outputs are fresh copies.
   */
  async run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
  ): Promise<Record<string, Tensor>> {
    const inputs: Record<string, ort.Tensor> = {};
    for (const { name, dtype, shape } of this.#graph.inputs) {
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
      inputs[name] = new ort.Tensor(fed.dtype, fed.data as Float32Array, fed.dims);
    }
    const outputs = await (fetches
      ? this.#session.run(inputs, fetches)
      : this.#session.run(inputs));
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { type, data, dims }]) => [
        name,
        { dtype: type as TensorDType, data: data as TensorData, dims },
      ]),
    );
  }

  /** Writes the profile; only for sessions made with a profilePrefix. */
  endProfiling(): void {
    this.#session.endProfiling();
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** Prepares `bytes` (encodeGraph(graph)) to run. */
export async function createSession(
  graph: Graph,
  bytes: Uint8Array,
  options: SessionOptions,
): Promise<Session> {
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: ['cpu'],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    enableCpuMemArena: options.arena ?? true,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    ...(options.profilePrefix && {
      enableProfiling: true,
      profileFilePrefix: options.profilePrefix,
    }),
    ...(options.weightsDir && {
      extra: { session: { model_external_initializers_file_folder_path: options.weightsDir } },
    }),
  });
  return new Session(session, graph);
}
