// Compiled graphs of a training run, one per key: whatever their shapes depend on.
import type { Device } from '../onnx/device.ts';
import { encodeGraph } from '../onnx/encode.ts';
import type { Graph, Value } from '../onnx/graph.ts';
import { lowerGraph } from '../onnx/lowering.ts';
import { type AnyTensor, createSession, type Feeds, type Session } from '../onnx/session.ts';

export type CompileOptions = {
  device: Device;
  threads: number;
  /** Which outputs stay on a WebGPU device. */
  keeps: (output: string) => boolean;
  /** Makes room before it compiles one more; not on WebGPU, where what the others made may be in use. */
  most?: number;
  /** Where the weights lie that a graph maps. */
  weightsDir?: string;
};

export class CompiledGraphs {
  readonly #options: CompileOptions;
  /** The longest unused first. */
  readonly #sessions = new Map<string, Session>();

  constructor(options: CompileOptions) {
    this.#options = options;
  }

  /** Computes every output of the graph, which is built and compiled where its key is new. */
  async run(
    key: string,
    build: () => Graph,
    feedsFor: (inputs: readonly Value[]) => Feeds,
  ): Promise<Record<string, AnyTensor>> {
    const session = this.#sessions.get(key) ?? (await this.#compile(build()));
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    const { kept, outputs } = await session.runKeeping(feedsFor(session.inputs));
    return { ...outputs, ...kept };
  }

  /** Lets those go that were not used for longest. Nothing that they made on a device may be in use. */
  async keepNewest(count = this.#options.most ?? Number.POSITIVE_INFINITY): Promise<void> {
    const surplus = [...this.#sessions].slice(0, Math.max(0, this.#sessions.size - count));
    for (const [key, session] of surplus) {
      this.#sessions.delete(key);
      await session.release();
    }
  }

  async #compile(graph: Graph): Promise<Session> {
    const { device, threads, keeps, most = Number.POSITIVE_INFINITY, weightsDir } = this.#options;
    if (device !== 'webgpu') await this.keepNewest(most - 1);
    const lowered = lowerGraph(graph, device);
    const names = graph.outputs.map(({ name }) => name);
    // Without an arena the graphs share the heap: with one, sixteen of them held 11 GB.
    return createSession(lowered, encodeGraph(lowered), {
      device,
      threads,
      arena: false,
      keep: device === 'webgpu' ? names.filter(keeps) : [],
      ...(weightsDir && { weightsDir }),
    });
  }
}
