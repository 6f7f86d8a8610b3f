// The gradients of one update, summed over its micro-batches where they are: in JavaScript's arrays, or on
// a WebGPU device, which they never leave.
import { type Graph, GraphBuilder, type Shape } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import type { AnyTensor, DeviceTensor, Tensor } from '../onnx/session.ts';
import { CompiledGraphs } from './compiled-graphs.ts';
import { globalNorm } from './optimizers.ts';

export interface GradientSum {
  /** Takes over gradients by their parameters' names; those of a name add up. */
  add(gradients: Readonly<Record<string, AnyTensor>>): Promise<void>;
  /** Joint L2 norm. */
  norm(): Promise<number>;
  get(name: string): AnyTensor | undefined;
  /** Frees what was added. */
  clear(): void;
  /** Frees what it computes with. */
  release(): Promise<void>;
}

export class HostGradientSum implements GradientSum {
  readonly #sums = new Map<string, Tensor>();

  async add(gradients: Readonly<Record<string, AnyTensor>>): Promise<void> {
    for (const [name, more] of Object.entries(gradients as Record<string, Tensor>)) {
      const known = this.#sums.get(name);
      if (known) addInto(known.data as Float32Array, more.data as Float32Array);
      else this.#sums.set(name, more);
    }
  }

  async norm(): Promise<number> {
    return globalNorm([...this.#sums.values()].map(({ data }) => data as Float32Array));
  }

  get(name: string): Tensor | undefined {
    return this.#sums.get(name);
  }

  clear(): void {
    this.#sums.clear();
  }

  async release(): Promise<void> {}
}

export class DeviceGradientSum implements GradientSum {
  readonly #sums = new Map<string, DeviceTensor>();
  readonly #graphs = new CompiledGraphs({
    device: 'webgpu',
    threads: 1,
    keeps: (output) => output === 'sum',
  });

  async add(gradients: Readonly<Record<string, AnyTensor>>): Promise<void> {
    for (const [name, more] of Object.entries(gradients as Record<string, DeviceTensor>)) {
      const known = this.#sums.get(name);
      this.#sums.set(name, known ? await this.#added(known, more) : more);
    }
  }

  async #added(known: DeviceTensor, more: DeviceTensor): Promise<DeviceTensor> {
    const { dims } = known;
    const { sum } = await this.#graphs.run(
      `sum [${dims}]`,
      () => sumGraph(dims),
      () => ({ known, more }),
    );
    known.dispose();
    more.dispose();
    return sum as DeviceTensor;
  }

  async norm(): Promise<number> {
    const gradients = Object.fromEntries(this.#sums);
    const build = () => normGraph([...this.#sums].map(([name, { dims }]) => [name, dims]));
    const key = `norm ${Object.keys(gradients)}`;
    const { norm } = await this.#graphs.run(key, build, () => gradients);
    return Number((norm as Tensor).data[0]);
  }

  get(name: string): DeviceTensor | undefined {
    return this.#sums.get(name);
  }

  clear(): void {
    for (const gradient of this.#sums.values()) gradient.dispose();
    this.#sums.clear();
  }

  release(): Promise<void> {
    this.clear();
    return this.#graphs.keepNewest(0);
  }
}

function addInto(sum: Float32Array, more: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += more[i]!;
}

function sumGraph(shape: Shape): Graph {
  const g = new GraphBuilder('sum');
  const [known, more] = [g.input('known', 'float32', shape), g.input('more', 'float32', shape)];
  g.output('sum', op.add(g, known, more));
  return g.build();
}

/** √(Σ of all squares), a scalar. */
function normGraph(gradients: readonly (readonly [name: string, shape: Shape])[]): Graph {
  const g = new GraphBuilder('norm');
  const squares = gradients.map(([name, shape]) => {
    const axes = [...shape.keys()];
    return op.reduceSumSquare(g, g.input(name, 'float32', shape), axes, 0);
  });
  g.output('norm', op.sqrt(g, op.sum(g, squares)));
  return g.build();
}
