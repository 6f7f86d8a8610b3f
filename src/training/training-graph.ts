// The gradient of a batch as one graph: unrolled forward, loss on label columns only, backward through
// every thought. What is done with the gradients is optimizers.ts's business.
import { type Adapted, adaptedParameters, adapterTable, type LowRank } from '../model/adapter.ts';
import { transformerOf } from '../model/architectures.ts';
import type { ModelFiles } from '../model/checkpoint.ts';
import { type CoconutInputs, type Unrolled, unrollThoughts } from '../model/coconut.ts';
import type { ModelConfig } from '../model/model-config.ts';
import {
  isStopHead,
  type ParameterRow,
  type Parameters,
  parameterTable,
} from '../model/parameters.ts';
import { mapWeights } from '../model/serving-model.ts';
import { noDropout } from '../model/transformer.ts';
import { type Graph, GraphBuilder, type Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import { backward } from './backward.ts';
import { declareSegment } from './batch-inputs.ts';
import { maskedDropout } from './dropout.ts';
import { crossEntropy, type ObjectiveName, objectives } from './objectives.ts';
import { decoderRows } from './thought-decoder.ts';

/** Everything that a graph's shapes depend on: one compiled graph per distinct value. */
export type BatchShape = {
  /** Shared contexts; 0 when each row carries its whole text. */
  contexts: number;
  contextLength: number;
  rows: number;
  questionLength: number;
  /** Last question positions that are labels: what the model writes before its thoughts; 0 without such. */
  writtenLength: number;
  thoughts: number;
  tailLength: number;
  /** Tail positions before the first label: 1 for <eot>, 0 without markers. */
  unlabelled: number;
  /** Losses beside the answer's, in the order of their inputs. */
  objectives: ObjectiveName[];
  /** Tokens of question, chain and answer that a teacher reads; 0 without distillation. */
  teacherLength: number;
  /** The thoughts' decoder: its layers, and tokens of a reasoning step; null without one. */
  decoder: { layers: number; length: number } | null;
  /** Share of numbers that dropout takes; 0 is none, and a graph without masks. */
  dropout: number;
};

function declareBatch(g: GraphBuilder, shape: BatchShape): CoconutInputs & { labelWeights: Value } {
  const { contexts, rows, writtenLength, thoughts: K, tailLength, unlabelled } = shape;
  const labels = writtenLength + tailLength - unlabelled;
  const context = contexts > 0 && {
    ...declareSegment(g, 'context', contexts, shape.contextLength),
    rowsPerContext: rows / contexts,
  };
  return {
    context: context || null,
    question: declareSegment(g, 'question', rows, shape.questionLength),
    thoughts:
      K > 0
        ? {
            positionIds: g.input('thought_position_ids', 'int64', [rows, K]),
            keyBias: g.input('thought_bias', 'float32', [rows, 1, 1, K]),
          }
        : null,
    tail: declareSegment(g, 'tail', rows, tailLength),
    // 1 / (labels of the batch) on a label, 0 on padding: the loss is a mean over labels.
    labelWeights: g.input('label_weights', 'float32', [rows, labels, 1]),
  };
}

/** Labels int64 [B, labels], and the states [B, labels, D] that predict them. */
function labelColumns(
  g: GraphBuilder,
  { question, tail }: CoconutInputs,
  { asked, hidden }: Unrolled,
  shape: BatchShape,
): { labels: Value; predicting: Value } {
  const { questionLength: Q, writtenLength: W, thoughts: K, tailLength: T, unlabelled } = shape;
  const labels = op.slice(g, tail.ids, 1, unlabelled, T);
  const predicting = op.slice(g, hidden, 1, K + unlabelled, K + T);
  if (W === 0) return { labels, predicting };
  return {
    labels: op.concat(g, [op.slice(g, question.ids, 1, Q - W, Q), labels], 1),
    predicting: op.concat(g, [op.slice(g, asked, 1, Q - 1 - W, Q - 1), predicting], 1),
  };
}

/** Mean cross entropy over the labels, plus the shape's further objectives. */
function lossOf(
  g: GraphBuilder,
  config: ModelConfig,
  parameters: Parameters,
  shape: BatchShape,
): { loss: Value; answerLoss: Value; hits: Value } {
  const inputs = declareBatch(g, shape);
  const drop = shape.dropout > 0 ? maskedDropout(g) : noDropout;
  const model = transformerOf(g, config, parameters, drop);
  const unrolled = unrollThoughts(g, model, inputs, config.coconut);
  const { labels, predicting } = labelColumns(g, inputs, unrolled, shape);
  const logProbabilities = op.logSoftmax(g, model.lmHead(predicting)); // [B, labels, V]
  const index = op.reshape(g, labels, [...labels.shape, 1]);
  const chosen = op.gatherElements(g, logProbabilities, index);
  const answerLoss = crossEntropy(g, chosen, inputs.labelWeights);
  const hits = op.equal(g, op.argMax(g, logProbabilities), index); // [B, labels, 1]
  const context = { g, config, shape, parameters, model, drop, unrolled };
  const further = shape.objectives.map((name) => objectives[name](context));
  return {
    loss: further.reduce((sum, term) => op.add(g, sum, term), answerLoss),
    answerLoss,
    hits,
  };
}

/** What a low-rank run leaves as it is: the files that it starts from. */
export type FrozenBase = { lowRank: LowRank; files: ModelFiles };

/** The parameters of the model that are trained: all of them, or those beside a frozen base. */
export function trainedRows(config: ModelConfig, base: FrozenBase | null): ParameterRow[] {
  return base ? adapterTable(adaptedBy(config, base)) : parameterTable(config);
}

export const adaptedBy = (config: ModelConfig, { lowRank, files }: FrozenBase): Adapted => ({
  config,
  base: files.config,
  lowRank,
});

/** What is trained and reached by a step of this shape: head and decoder rest where no thought asks for them. */
export function reachedRows(
  config: ModelConfig,
  shape: BatchShape,
  base: FrozenBase | null = null,
): ParameterRow[] {
  const hasStops = shape.objectives.includes('stop');
  const decoder = shape.decoder ? decoderRows(config, shape.decoder.layers) : [];
  return [
    ...trainedRows(config, base).filter(({ name }) => hasStops || !isStopHead(name)),
    ...decoder,
  ];
}

/**
 * Inputs: every reached parameter by name, the batch, and masks where it has dropout. Outputs: loss, answer_loss, hits [B, labels, 1] (1 where
 * the most probable token is the label), and `grad/` + each of these parameters.
 *
 * @param base its weights lie in the graph, as a file that the session maps
 */
export function gradientGraph(
  config: ModelConfig,
  shape: BatchShape,
  base: FrozenBase | null = null,
): Graph {
  const g = new GraphBuilder('gradient');
  const table = reachedRows(config, shape, base);
  const trained = new Map(table.map((row) => [row.name, g.input(row.name, 'float32', row.shape)]));
  const parameters = base ? withBase(g, config, base, trained) : trained;
  const { loss, answerLoss, hits } = lossOf(g, config, parameters, shape);
  const grads = backward(g, loss, [...trained.values()]);
  g.output('loss', loss);
  g.output('answer_loss', answerLoss);
  g.output('hits', hits);
  table.forEach((row, i) => {
    g.output(`grad/${row.name}`, grads[i]!);
  });
  return g.build();
}

function withBase(
  g: GraphBuilder,
  config: ModelConfig,
  base: FrozenBase,
  trained: Parameters,
): Parameters {
  const frozen = mapWeights(g, base.files.config, base.files);
  return new Map([...trained, ...adaptedParameters(g, adaptedBy(config, base), frozen, trained)]);
}
