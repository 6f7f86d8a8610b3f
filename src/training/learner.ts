// The weights being trained and the optimiser's tensors: holds them, runs one train step on a batch,
// and compiles a graph for each new batch shape.
import type { ModelConfig } from '../model/model-config.ts';
import { type ParameterRow, parameterTable } from '../model/parameters.ts';
import { encodeGraph } from '../onnx/encode.ts';
import { createSession, type Session, type Tensor, tensor } from '../onnx/session.ts';
import type { TrainBatch } from './collate.ts';
import type { Weights } from './initialize.ts';
import { type OptimizerConfig, stateNames } from './optimizers.ts';
import { type BatchShape, reachedRows, trainStepGraph } from './training-graph.ts';

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
  readonly #sessions = new Map<string, Session>();

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
      for (const name of stateNames(row, this.#optimizer)) {
        this.tensors.set(name, tensor('float32', new Float32Array(size), row.shape));
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

  /** One update. Throws, leaving the weights as they were, when the loss is not finite. */
  async step(batch: TrainBatch, learningRate: number): Promise<StepResult> {
    const session = await this.#session(batch.shape);
    const names = this.#reached(batch.shape);
    const [beta1, beta2] = this.#optimizer.betas;
    const t = this.updates + 1;
    const scalar = (x: number): Tensor => tensor('float32', Float32Array.of(x), []);
    const outputs = await session.run({
      ...Object.fromEntries(names.map((name) => [name, this.tensors.get(name)!])),
      ...batch.feeds,
      learning_rate: scalar(learningRate),
      correction_1: scalar(1 - beta1 ** t),
      correction_2: scalar(1 - beta2 ** t),
    });
    const result = summarize(outputs, batch);
    if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradNorm)) {
      throw new Error(`update ${t}: loss ${result.loss}, gradient norm ${result.gradNorm}`);
    }
    for (const name of names) this.tensors.set(name, outputs[`next/${name}`]!);
    this.updates = t;
    return result;
  }

  /** Names of the tensors that a step of this shape changes. */
  #reached(shape: BatchShape): string[] {
    return reachedRows(this.config, shape).flatMap((row) => [
      row.name,
      ...stateNames(row, this.#optimizer),
    ]);
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }

  async #session(shape: BatchShape): Promise<Session> {
    const key = JSON.stringify(shape);
    const known = this.#sessions.get(key);
    if (known) return known;
    if (this.#sessions.size === MAX_SESSIONS) {
      const [oldest, session] = this.#sessions.entries().next().value!;
      await session.release();
      this.#sessions.delete(oldest);
    }
    const graph = trainStepGraph(this.config, shape, this.#optimizer);
    const session = await createSession(graph, encodeGraph(graph), {
      threads: this.#threads,
      arena: false,
    });
    this.#sessions.set(key, session);
    return session;
  }
}

function summarize(outputs: Record<string, Tensor>, { labelMask, shape }: TrainBatch): StepResult {
  const hits = outputs['hits']!.data as Float32Array;
  const width = labelMask.length / shape.rows;
  let [labels, right, rowsRight] = [0, 0, 0];
  for (let b = 0; b < shape.rows; b++) {
    let missed = 0;
    for (let i = b * width; i < (b + 1) * width; i++) {
      if (labelMask[i] === 0) continue;
      labels++;
      if (hits[i] === 1) right++;
      else missed++;
    }
    if (missed === 0) rowsRight++;
  }
  const value = (name: string): number => Number(outputs[name]!.data[0]);
  return {
    loss: value('loss'),
    answerLoss: value('answer_loss'),
    gradNorm: value('grad_norm'),
    tokenAccuracy: right / labels,
    rowAccuracy: rowsRight / shape.rows,
  };
}
