// THE table of losses beside the answer's: one row each. A row declares the inputs it needs, which a file
// of its own fills for each batch (weights and means are in them), and returns a scalar to add.
// Sources: thoughts that read as the search's frontier: docs/log.md; the learned <eot>: arXiv 2412.06769, 3.
import type { CoconutInputs } from '../model/coconut.ts';
import { stopLogits } from '../model/coconut.ts';
import { dimensionsOf, type ModelConfig } from '../model/model-config.ts';
import type { Parameters } from '../model/parameters.ts';
import type { Transformer } from '../model/transformer.ts';
import type { GraphBuilder, Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import type { BatchShape } from './training-graph.ts';

export const objectiveNames = ['frontier', 'stop'] as const;
export type ObjectiveName = (typeof objectiveNames)[number];

export type LossContext = {
  g: GraphBuilder;
  config: ModelConfig;
  shape: BatchShape;
  parameters: Parameters;
  model: Transformer;
  inputs: CoconutInputs;
  /** [B, 1 + K + T, D] from unrollThoughts. */
  hidden: Value;
};

export const objectives: Readonly<Record<ObjectiveName, (context: LossContext) => Value>> = {
  /** Cross entropy of each thought's read-out against thought_targets [B, K, V]. */
  frontier: ({ g, config, shape, model, hidden }) => {
    const { rows: B, thoughts: K } = shape;
    const targets = g.input('thought_targets', 'float32', [B, K, dimensionsOf(config).vocab]);
    const readouts = op.logSoftmax(g, model.lmHead(op.slice(g, hidden, 1, 0, K)));
    return crossEntropy(g, readouts, targets);
  },
  /** Cross entropy of the stop head at each thought against stop_targets [B, K, 2]. */
  stop: ({ g, shape, parameters, hidden }) => {
    const { rows: B, thoughts: K } = shape;
    const targets = g.input('stop_targets', 'float32', [B, K, 2]);
    const thoughts = op.slice(g, hidden, 1, 0, K);
    return crossEntropy(g, op.logSoftmax(g, stopLogits(g, parameters, thoughts)), targets);
  },
};

/** −Σ targets · log probabilities. */
function crossEntropy(g: GraphBuilder, logProbabilities: Value, targets: Value): Value {
  const axes = [...targets.shape.keys()];
  return op.neg(g, op.reduceSum(g, op.mul(g, logProbabilities, targets), axes, 0));
}
