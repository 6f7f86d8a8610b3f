// The weights being trained and the optimiser's tensors: holds them, runs one train step on its batches,
// and compiles a graph for each new batch shape and each shape of parameter.
import type { ModelConfig } from '../model/model-config.ts';
import { type ParameterRow, parameterTable } from '../model/parameters.ts';
import { encodeGraph } from '../onnx/encode.ts';
import type { Graph } from '../onnx/graph.ts';
import { createSession, type Session, type Tensor, tensor } from '../onnx/session.ts';
import type { TrainBatch } from './collate.ts';
import { drawMasks } from './dropout.ts';
import type { Weights } from './initialize.ts';
import {
  clipScale,
  globalNorm,
  type OptimizerConfig,
  stateKinds,
  updateGraph,
} from './optimizers.ts';
import { gradientGraph } from './training-graph.ts';

export type StepResult = {
  loss: number;
  answerLoss: number;
  gradNorm: number;
  /** Share of labels whose most probable token is right. */
  tokenAccuracy: number;
  /** Share of rows with every label right. */
  rowAccuracy: number;
};

/** Compiled graphs kept. Without an arena they share the heap: with one, sixteen graphs held 11 GB. */
const MAX_SESSIONS = 24;

export class Learner {
  readonly config: ModelConfig;
  /** Parameters and optimiser tensors by name. */
  readonly tensors: Map<string, Tensor>;
  /** Updates since the optimiser was last reset: AdamW's t. */
  updates = 0;
  readonly #optimizer: OptimizerConfig;
  readonly #threads: number;
  /** Of the model, which a checkpoint holds, and all that is trained. */
  readonly #modelRows: ParameterRow[];
  readonly #rows: ParameterRow[];
  readonly #gradientSessions = new Map<string, Session>();
  readonly #updateSessions = new Map<string, Session>();

  /** @param companions trained beside the model, and no part of weights() */
  constructor(
    config: ModelConfig,
    weights: Weights,
    optimizer: OptimizerConfig,
    threads: number,
    companions: readonly ParameterRow[] = [],
  ) {
    this.config = config;
    this.#optimizer = optimizer;
    this.#threads = threads;
    this.#modelRows = parameterTable(config);
    this.#rows = [...this.#modelRows, ...companions];
    this.tensors = new Map(
      this.#rows.map(({ name, shape }) => {
        const data = weights.get(name);
        if (!data) throw new Error(`weights: the tensor "${name}" is missing`);
        return [name, tensor('float32', data, shape)];
      }),
    );
    this.resetOptimizer();
  }

  resetOptimizer(): void {
    this.updates = 0;
    for (const row of this.#rows) {
      const size = row.shape.reduce((a, b) => a * b, 1);
      for (const kind of stateKinds(row, this.#optimizer)) {
        const zeros = tensor('float32', new Float32Array(size), row.shape);
        this.tensors.set(`${kind}/${row.name}`, zeros);
      }
    }
  }

  /** Takes over saved tensors (parameters and optimiser); throws where one is missing or has another size. */
  restore(saved: ReadonlyMap<string, Float32Array>, updates: number): void {
    for (const [name, { dims }] of this.tensors) {
      const data = saved.get(name);
      if (!data) throw new Error(`saved state: the tensor "${name}" is missing`);
      this.tensors.set(name, tensor('float32', data, dims));
    }
    this.updates = updates;
  }

  weights(): Weights {
    return new Map(
      this.#modelRows.map(({ name }) => [name, this.tensors.get(name)!.data as Float32Array]),
    );
  }

  /**
   * One update by the gradients of all `batches` together: their label weights sum to 1. Throws, leaving
   * the weights as they were, when loss or gradient norm is not finite.
   */
  async step(batches: readonly TrainBatch[], learningRate: number): Promise<StepResult> {
    const gradients = new Map<string, Float32Array>();
    const parts: BatchResult[] = [];
    for (const batch of batches) {
      const outputs = await this.#differentiate(batch);
      parts.push(batchResult(outputs, batch));
      accumulate(gradients, outputs);
    }
    const gradNorm = globalNorm(gradients.values());
    const result = { ...summarize(parts), gradNorm };
    if (!Number.isFinite(result.loss) || !Number.isFinite(gradNorm)) {
      throw new Error(`update ${this.updates + 1}: loss ${result.loss}, gradient norm ${gradNorm}`);
    }
    await this.#update(gradients, learningRate, clipScale(gradNorm, this.#optimizer.clipNorm));
    return result;
  }

  async release(): Promise<void> {
    for (const sessions of [this.#gradientSessions, this.#updateSessions]) {
      for (const session of sessions.values()) await session.release();
      sessions.clear();
    }
  }

  async #differentiate({ shape, feeds, maskSeed }: TrainBatch): Promise<Record<string, Tensor>> {
    const key = JSON.stringify(shape);
    let session = this.#gradientSessions.get(key);
    if (!session) {
      await this.#makeRoom();
      session = await compile(gradientGraph(this.config, shape), this.#threads);
      this.#gradientSessions.set(key, session);
    }
    const parameters = this.#rows.map(({ name }) => [name, this.tensors.get(name)!]);
    const masks = drawMasks(session.inputs, { rate: shape.dropout, seed: maskSeed });
    return session.run({ ...Object.fromEntries(parameters), ...feeds, ...masks });
  }

  async #makeRoom(): Promise<void> {
    if (this.#gradientSessions.size < MAX_SESSIONS) return;
    const [oldest, session] = this.#gradientSessions.entries().next().value!;
    await session.release();
    this.#gradientSessions.delete(oldest);
  }

  /** Parameter by parameter, so that no more than one has its new value beside the old. */
  async #update(
    gradients: ReadonlyMap<string, Float32Array>,
    learningRate: number,
    gradientScale: number,
  ): Promise<void> {
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
      const { name, shape } = row;
      const gradient = gradients.get(name);
      if (!gradient) continue; // not reached: no thoughts, no stop head
      const kinds = stateKinds(row, this.#optimizer);
      const session = await this.#updateSession(row);
      const outputs = await session.run({
        ...schedule,
        parameter: this.tensors.get(name)!,
        gradient: tensor('float32', gradient, shape),
        ...Object.fromEntries(kinds.map((kind) => [kind, this.tensors.get(`${kind}/${name}`)!])),
      });
      this.tensors.set(name, outputs['next/parameter']!);
      for (const kind of kinds) this.tensors.set(`${kind}/${name}`, outputs[`next/${kind}`]!);
    }
    this.updates = t;
  }

  /** Parameters of one shape and kind share it. */
  async #updateSession(row: ParameterRow): Promise<Session> {
    const key = `${row.kind} [${row.shape}]`;
    const known = this.#updateSessions.get(key);
    if (known) return known;
    // Threads of a pool spin on after each run: a pool per shape would take the gradient's cores.
    const session = await compile(updateGraph(row, this.#optimizer), 1);
    this.#updateSessions.set(key, session);
    return session;
  }
}

function compile(graph: Graph, threads: number): Promise<Session> {
  return createSession(graph, encodeGraph(graph), { threads, arena: false });
}

/** Takes the first batch's gradients over, and adds later ones to them. */
function accumulate(gradients: Map<string, Float32Array>, outputs: Record<string, Tensor>): void {
  for (const [output, { data }] of Object.entries(outputs)) {
    if (!output.startsWith('grad/')) continue;
    const name = output.slice('grad/'.length);
    const more = data as Float32Array;
    const sum = gradients.get(name);
    if (!sum) gradients.set(name, more);
    else for (let i = 0; i < sum.length; i++) sum[i]! += more[i]!;
  }
}

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
