// The weights being trained and the optimiser's tensors: holds them, and runs one train step on its batches.
// On a WebGPU device they stay there from the first step on.
import { dirname } from 'node:path';
import type { ModelConfig } from '../model/model-config.ts';
import { type ParameterRow, parameterCount } from '../model/parameters.ts';
import type { Device } from '../onnx/device.ts';
import { readDevice } from '../onnx/device-memory.ts';
import { sizeOf } from '../onnx/graph.ts';
import { type AnyTensor, DeviceTensor, type Tensor, tensor } from '../onnx/session.ts';
import type { TrainBatch } from './collate.ts';
import { CompiledGraphs } from './compiled-graphs.ts';
import { shapePlan } from './compiled-shapes.ts';
import { drawMasks } from './dropout.ts';
import { DeviceGradientSum, type GradientSum, HostGradientSum } from './gradient-sum.ts';
import type { Weights } from './initialize.ts';
import { clipScale, type OptimizerConfig, stateKinds, updateGraph } from './optimizers.ts';
import { type FrozenBase, gradientGraph, trainedRows } from './training-graph.ts';

export type StepResult = {
  loss: number;
  answerLoss: number;
  gradNorm: number;
  /** Share of labels whose most probable token is right. */
  tokenAccuracy: number;
  /** Share of rows with every label right. */
  rowAccuracy: number;
};

/** What computes the steps. */
export type Computation = { device: Device; threads: number };

const gradientPrefix = 'grad/';

export class Learner {
  readonly config: ModelConfig;
  /** Updates since the optimiser was last reset: AdamW's t. */
  updates = 0;
  /** Parameters and optimiser tensors by name: the host's until the first step on a device makes new ones. */
  readonly #tensors = new Map<string, AnyTensor>();
  readonly #optimizer: OptimizerConfig;
  /** Of the model, or of its adapter where the rest is frozen; and all that is trained. */
  readonly #modelRows: ParameterRow[];
  readonly #rows: ParameterRow[];
  readonly #base: FrozenBase | null;
  readonly #sum: GradientSum;
  readonly #gradientGraphs: CompiledGraphs;
  readonly #updateGraphs: CompiledGraphs;

  /**
   * @param weights of all that is trained
   * @param companions trained beside the model, and no part of weights()
   * @param base what stays as it is, where only an adapter of it is trained
   */
  constructor(
    config: ModelConfig,
    weights: Weights,
    optimizer: OptimizerConfig,
    { device, threads }: Computation,
    companions: readonly ParameterRow[] = [],
    base: FrozenBase | null = null,
  ) {
    this.config = config;
    this.#base = base;
    this.#optimizer = optimizer;
    this.#modelRows = trainedRows(config, base);
    this.#rows = [...this.#modelRows, ...companions];
    this.#sum = device === 'webgpu' ? new DeviceGradientSum() : new HostGradientSum();
    const isGradient = (output: string) => output.startsWith(gradientPrefix);
    this.#gradientGraphs = new CompiledGraphs({
      device,
      threads,
      keeps: isGradient,
      most: shapePlan(device, parameterCount(config)).kept,
      ...(base && { weightsDir: dirname(base.files.weightsPath) }),
    });
    this.#updateGraphs = new CompiledGraphs({
      // Where the tensors are: CUDA would have them copied there and back for a few passes over them.
      device: device === 'webgpu' ? 'webgpu' : 'cpu',
      // Threads of a pool spin on after each run: a pool per shape would take the gradient's cores.
      threads: 1,
      keeps: () => true,
    });
    for (const { name, shape } of this.#rows) {
      const data = weights.get(name);
      if (!data) throw new Error(`weights: the tensor "${name}" is missing`);
      this.#tensors.set(name, tensor('float32', data, shape));
    }
    this.resetOptimizer();
  }

  resetOptimizer(): void {
    this.updates = 0;
    for (const row of this.#rows) {
      for (const kind of stateKinds(row, this.#optimizer)) {
        const zeros = tensor('float32', new Float32Array(sizeOf(row.shape)), row.shape);
        this.#replace(`${kind}/${row.name}`, zeros);
      }
    }
  }

  /** Takes over saved tensors (parameters and optimiser); throws where one is missing or has another size. */
  restore(saved: ReadonlyMap<string, Float32Array>, updates: number): void {
    for (const [name, { dims }] of this.#tensors) {
      const data = saved.get(name);
      if (!data) throw new Error(`saved state: the tensor "${name}" is missing`);
      this.#replace(name, tensor('float32', data, dims));
    }
    this.updates = updates;
  }

  /** Parameters and optimiser tensors by name, as restore() takes them; copies where they are on a device. */
  async state(): Promise<Map<string, Tensor>> {
    return this.#onHost([...this.#tensors.keys()]);
  }

  /** Of the model, or of its adapter. */
  async weights(): Promise<Weights> {
    const tensors = await this.#onHost(this.#modelRows.map(({ name }) => name));
    return new Map([...tensors].map(([name, { data }]) => [name, data as Float32Array]));
  }

  /**
   * One update by the gradients of all `batches` together: their label weights sum to 1. Throws, leaving
   * the weights as they were, when loss or gradient norm is not finite.
   */
  async step(batches: readonly TrainBatch[], learningRate: number): Promise<StepResult> {
    try {
      const parts: BatchResult[] = [];
      for (const batch of batches) parts.push(await this.#differentiate(batch));
      const gradNorm = await this.#sum.norm();
      const result = { ...summarize(parts), gradNorm };
      if (!Number.isFinite(result.loss) || !Number.isFinite(gradNorm)) {
        throw new Error(
          `update ${this.updates + 1}: loss ${result.loss}, gradient norm ${gradNorm}`,
        );
      }
      await this.#update(learningRate, clipScale(gradNorm, this.#optimizer.clipNorm));
      return result;
    } finally {
      this.#sum.clear();
      await this.#gradientGraphs.keepNewest();
    }
  }

  /** Frees what the device and the runtime hold. */
  async release(): Promise<void> {
    for (const held of this.#tensors.values()) if (isRemote(held)) held.dispose();
    this.#tensors.clear();
    await this.#sum.release();
    await this.#gradientGraphs.keepNewest(0);
    await this.#updateGraphs.keepNewest(0);
  }

  async #differentiate(batch: TrainBatch): Promise<BatchResult> {
    const { shape, feeds, maskSeed } = batch;
    const parameters = this.#rows.map(({ name }) => [name, this.#tensors.get(name)!]);
    const outputs = await this.#gradientGraphs.run(
      JSON.stringify(shape),
      () => gradientGraph(this.config, shape, this.#base),
      (inputs) => ({
        ...Object.fromEntries(parameters),
        ...feeds,
        ...drawMasks(inputs, { rate: shape.dropout, seed: maskSeed }),
      }),
    );
    const { loss, answer_loss, hits, ...rest } = outputs;
    const gradients = Object.entries(rest).map(([output, gradient]) => [
      output.slice(gradientPrefix.length),
      gradient,
    ]);
    await this.#sum.add(Object.fromEntries(gradients));
    return batchResult({ loss, answer_loss, hits } as Record<string, Tensor>, batch);
  }

  /** Parameter by parameter, so that no more than one has its new value beside the old. */
  async #update(learningRate: number, gradientScale: number): Promise<void> {
    const [beta1, beta2] = this.#optimizer.betas;
    const t = this.updates + 1;
    const scalar = (x: number): Tensor => tensor('float32', Float32Array.of(x), []);
    const schedule = {
      gradient_scale: scalar(gradientScale),
      learning_rate: scalar(learningRate),
      correction_1: scalar(1 - beta1 ** t),
      correction_2: scalar(1 - beta2 ** t),
    };
    for (const row of this.#rows) {
      const { name } = row;
      const gradient = this.#sum.get(name);
      if (!gradient) continue; // not reached: no thoughts, no stop head
      const kinds = stateKinds(row, this.#optimizer);
      const outputs = await this.#updateGraphs.run(
        `${row.kind} [${row.shape}]`, // parameters of one shape and kind share it
        () => updateGraph(row, this.#optimizer),
        () => ({
          ...schedule,
          parameter: this.#tensors.get(name)!,
          gradient,
          ...Object.fromEntries(kinds.map((kind) => [kind, this.#tensors.get(`${kind}/${name}`)!])),
        }),
      );
      this.#replace(name, outputs['next/parameter']!);
      for (const kind of kinds) this.#replace(`${kind}/${name}`, outputs[`next/${kind}`]!);
    }
    this.updates = t;
  }

  #replace(name: string, next: AnyTensor): void {
    const old = this.#tensors.get(name);
    if (old && isRemote(old)) old.dispose();
    this.#tensors.set(name, next);
  }

  async #onHost(names: readonly string[]): Promise<Map<string, Tensor>> {
    const found = names.map((name) => [name, this.#tensors.get(name)!] as const);
    const remote = found.filter((entry): entry is [string, DeviceTensor] => isRemote(entry[1]));
    const copies = await readDevice(new Map(remote));
    return new Map(found.map(([name, held]) => [name, copies.get(name) ?? (held as Tensor)]));
  }
}

const isRemote = (held: AnyTensor): held is DeviceTensor => held instanceof DeviceTensor;

type BatchResult = {
  loss: number;
  answerLoss: number;
  labels: number;
  labelsRight: number;
  rows: number;
  rowsRight: number;
};

function batchResult(
  outputs: Record<string, Tensor>,
  { labelMask, shape: { rows } }: TrainBatch,
): BatchResult {
  const hits = outputs['hits']!.data as Float32Array;
  const width = labelMask.length / rows;
  let [labels, labelsRight, rowsRight] = [0, 0, 0];
  for (let b = 0; b < rows; b++) {
    let missed = 0;
    for (let i = b * width; i < (b + 1) * width; i++) {
      if (labelMask[i] === 0) continue;
      labels++;
      if (hits[i] === 1) labelsRight++;
      else missed++;
    }
    if (missed === 0) rowsRight++;
  }
  const value = (name: string): number => Number(outputs[name]!.data[0]);
  const [loss, answerLoss] = [value('loss'), value('answer_loss')];
  return { loss, answerLoss, labels, labelsRight, rows, rowsRight };
}

/** Losses add up, as each batch's label weights are its share. */
function summarize(parts: readonly BatchResult[]): Omit<StepResult, 'gradNorm'> {
  const sum = (key: keyof BatchResult): number =>
    parts.reduce((total, part) => total + part[key], 0);
  return {
    loss: sum('loss'),
    answerLoss: sum('answerLoss'),
    tokenAccuracy: sum('labelsRight') / sum('labels'),
    rowAccuracy: sum('rowsRight') / sum('rows'),
  };
}
