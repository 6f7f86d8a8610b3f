// THE table of losses beside the answer's: one row each. A row declares the inputs it needs, which a file
// of its own fills for each batch (weights and means are in them), and returns a scalar to add.
// Sources: the learned <eot>: Coconut, arXiv 2412.06769; distillation: CODI, arXiv 2502.21074; decoder: SIM-CoT,
// arXiv 2509.20317. The frontier is ours (docs/log.md).
import { causalBias } from '../model/attention.ts';
import { stopLogits, type Unrolled } from '../model/coconut.ts';
import { dimensionsOf, type ModelConfig } from '../model/model-config.ts';
import type { Parameters } from '../model/parameters.ts';
import type { Dropout, Transformer } from '../model/transformer.ts';
import type { GraphBuilder, Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import { declareSegment } from './batch-inputs.ts';
import { decoderOf } from './thought-decoder.ts';
import type { BatchShape } from './training-graph.ts';

export const objectiveNames = ['frontier', 'stop', 'distillation', 'decoder'] as const;
export type ObjectiveName = (typeof objectiveNames)[number];

export type LossContext = {
  g: GraphBuilder;
  config: ModelConfig;
  shape: BatchShape;
  parameters: Parameters;
  model: Transformer;
  drop: Dropout;
  unrolled: Unrolled;
};

export const objectives: Readonly<Record<ObjectiveName, (context: LossContext) => Value>> = {
  /** Cross entropy of each thought's read-out against thought_targets [B, K, V]. */
  frontier: ({ g, config, shape, model, unrolled: { hidden } }) => {
    const { rows: B, thoughts: K } = shape;
    const targets = g.input('thought_targets', 'float32', [B, K, dimensionsOf(config).vocab]);
    const readouts = op.logSoftmax(g, model.lmHead(op.slice(g, hidden, 1, 0, K)));
    return crossEntropy(g, readouts, targets);
  },
  /** Cross entropy of the stop head at each thought against stop_targets [B, K, 2]. */
  stop: ({ g, shape, parameters, unrolled: { hidden } }) => {
    const { rows: B, thoughts: K } = shape;
    const targets = g.input('stop_targets', 'float32', [B, K, 2]);
    const thoughts = op.slice(g, hidden, 1, 0, K);
    return crossEntropy(g, op.logSoftmax(g, stopLogits(g, parameters, thoughts)), targets);
  },
  distillation,
  decoder,
};

/**
 * The teacher is the same model on question, chain and answer in words; it learns from its own labels, and its
 * states where the answer begins are what the student's are to be (teacher_* and answer_* inputs).
 */
function distillation({ g, config, shape, model, unrolled }: LossContext): Value {
  const { rows: B, tailLength: T, teacherLength: length } = shape;
  const { ids, positionIds, keyBias } = declareSegment(g, 'teacher', B, length);
  const bias = causalBias(g, positionIds, keyBias);
  const teacher = g.scope('teacher', () =>
    model.forward(model.embed(ids), positionIds, unrolled.shared, bias),
  );
  const weights = g.input('teacher_label_weights', 'float32', [B, length - 1, 1]);
  const states = op.slice(g, teacher.hidden, 1, 0, length - 1);
  const own = labelLoss(g, model, states, op.slice(g, ids, 1, 1, length), weights);

  const studentAt = g.input('answer_at', 'float32', [B, T, 1]); // one-hot over T
  const teacherAt = g.input('teacher_answer_at', 'float32', [B, length, 1]);
  const columns = unrolled.last.hidden.shape[1] as number;
  const pick = (x: Value, at: Value): Value => op.reduceSum(g, op.mul(g, x, at), [1], 0); // [B, D]
  const { layers } = dimensionsOf(config);
  const distances = unrolled.last.residuals.map((residual, l) => {
    const student = pick(op.slice(g, residual, 1, columns - T, columns), studentAt);
    return scaledDistance(g, student, pick(teacher.residuals[l]!, teacherAt));
  });
  const mean = op.mul(g, op.sum(g, distances), g.scalar(1 / layers));
  return op.add(g, own, op.mul(g, mean, g.input('distillation_weight', 'float32', [])));
}

/** Mean smooth L1 distance, in standard deviations of the target [B, D], which is given and does not learn. */
export function scaledDistance(g: GraphBuilder, x: Value, moving: Value): Value {
  const target = op.detach(g, moving);
  const difference = op.sub(g, x, target);
  // With c the difference cut to [−1, 1]: c·d − c²/2 is d²/2 inside and |d| − 1/2 outside.
  const cut = op.clip(g, difference, -1, 1);
  const half = op.mul(g, op.mul(g, cut, cut), g.scalar(0.5));
  const distance = op.reduceMean(g, op.sub(g, op.mul(g, cut, difference), half), [0, 1], 0);
  const centred = op.sub(g, target, op.reduceMean(g, target, [0, 1]));
  const deviation = op.sqrt(g, op.reduceMean(g, op.mul(g, centred, centred), [0, 1], 0));
  return op.div(g, distance, op.add(g, deviation, g.scalar(1e-6)));
}

/** Each group of c thoughts is asked, by a decoder of its own, for the words of the step it stands for. */
function decoder({ g, config, shape, parameters, model, drop, unrolled }: LossContext): Value {
  const { rows: B, thoughts: K } = shape;
  const { layers, length } = shape.decoder!;
  const c = config.coconut.thoughts_per_step;
  const N = (B * K) / c;
  const ids = g.input('decoder_ids', 'int64', [N, length]);
  const positionIds = g.input('decoder_position_ids', 'int64', [N, c + length]);
  const keyBias = g.input('decoder_bias', 'float32', [N, 1, 1, c + length]);
  const weights = g.input('decoder_label_weights', 'float32', [N, length, 1]);
  const { width } = dimensionsOf(config);
  const groups = op.reshape(g, op.slice(g, unrolled.hidden, 1, 0, K), [N, c, width]);
  const { hidden } = g.scope('decoder', () =>
    decoderOf(g, config, layers, parameters, drop).forward(
      op.concat(g, [groups, model.embed(ids)], 1),
      positionIds,
      [],
      causalBias(g, positionIds, keyBias),
    ),
  );
  return labelLoss(g, model, op.slice(g, hidden, 1, c - 1, c - 1 + length), ids, weights);
}

/** −Σ weights · log probability of each label: states [B, T, D], labels int64 [B, T], weights [B, T, 1]. */
function labelLoss(
  g: GraphBuilder,
  model: Transformer,
  states: Value,
  labels: Value,
  weights: Value,
): Value {
  const logProbabilities = op.logSoftmax(g, model.lmHead(states));
  const index = op.reshape(g, labels, [...labels.shape, 1]);
  return crossEntropy(g, op.gatherElements(g, logProbabilities, index), weights);
}

/** −Σ targets · log probabilities. */
export function crossEntropy(g: GraphBuilder, logProbabilities: Value, targets: Value): Value {
  const axes = [...targets.shape.keys()];
  return op.neg(g, op.reduceSum(g, op.mul(g, logProbabilities, targets), axes, 0));
}
