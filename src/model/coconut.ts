// Chain of continuous thought (Hao et al. 2024, arXiv 2412.06769), unrolled: question, K thoughts, tail.
// The state after the final norm at <bot> is the first thought, the state at thought i the next;
// each is fed as the next input embedding. The tail starts in the pass of the last thought.
// And the learned <eot>: a 2-way head on the thought that says whether it is the last.
import type { GraphBuilder, Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import { causalBias, type KeyValues, type Past } from './attention.ts';
import { type Parameters, stopHead } from './parameters.ts';
import type { ForwardOutput, Transformer } from './transformer.ts';

/** Text of one part of the sequence, batch-aligned. */
export type Segment = {
  ids: Value; // int64 [N, T]
  positionIds: Value; // int64 [N, T]
  keyBias: Value; // [N, 1, 1, T]: 0 or MASKED
};

export type CoconutInputs = {
  /** Text that groups of rows share, encoded once: N = B / rowsPerContext. */
  context: (Segment & { rowsPerContext: number }) | null;
  /** N = B, padded on the left, so that the last column is the position before the first thought. */
  question: Segment;
  /**
   * A column per thought; null when there are none. A row that ends its thinking early rides along: its
   * columns past its own last thought are masked.
   */
  thoughts: Omit<Segment, 'ids'> | null;
  /** What follows the last thought (<eot>, remaining steps, answer); padded on the right. */
  tail: Segment;
};

/**
 * @returns [B, 1 + K + T, D] where T is the tail's length: the states at the last question position, at
 *   each thought, and at each tail position. Column c predicts what stands at column c + 1, and for
 *   c < K column c is thought c + 1 itself.
 */
export function unrollThoughts(g: GraphBuilder, model: Transformer, inputs: CoconutInputs): Value {
  const { embed } = model;
  const shared: Past[] = [];
  let own: Past | null = null;

  const forward = (embeddings: Value, positionIds: Value, keyBias: Value): ForwardOutput => {
    const pasts = own ? [...shared, own] : shared;
    const newBias = causalBias(g, positionIds, keyBias);
    const output = model.forward(embeddings, positionIds, pasts, newBias);
    own = extend(g, own, output.layers, keyBias);
    return output;
  };

  if (inputs.context) {
    const { ids, positionIds, keyBias, rowsPerContext } = inputs.context;
    const bias = causalBias(g, positionIds, keyBias);
    const { layers } = g.scope('context', () => model.forward(embed(ids), positionIds, [], bias));
    shared.push({ layers, bias: keyBias, rowsPerContext });
  }
  const { question, tail, thoughts } = inputs;
  const asked = g.scope('question', () =>
    forward(embed(question.ids), question.positionIds, question.keyBias),
  );
  const T = question.ids.shape[1] as number;
  let state = op.slice(g, asked.hidden, 1, T - 1, T); // [B, 1, D]
  const states = [state];
  const last = g.scope('tail', () => {
    if (!thoughts) return forward(embed(tail.ids), tail.positionIds, tail.keyBias);
    const K = thoughts.positionIds.shape[1] as number;
    const positionOf = (k: number): Value => op.slice(g, thoughts.positionIds, 1, k, k + 1);
    const biasOf = (k: number): Value => op.slice(g, thoughts.keyBias, 3, k, k + 1);
    for (let k = 0; k < K - 1; k++) {
      state = g.scope(`thought.${k}`, () => forward(state, positionOf(k), biasOf(k))).hidden;
      states.push(state);
    }
    return forward(
      op.concat(g, [state, embed(tail.ids)], 1),
      op.concat(g, [positionOf(K - 1), tail.positionIds], 1),
      op.concat(g, [biasOf(K - 1), tail.keyBias], 3),
    );
  });
  return op.concat(g, [...states, last.hidden], 1);
}

/** The learned <eot>: thoughts [..., D] → logits [..., 2] of "go on" and "this is the last". */
export function stopLogits(g: GraphBuilder, parameters: Parameters, thoughts: Value): Value {
  const weight = parameters.get(stopHead.weight)!; // [2, D], as torch's Linear stores it
  const bias = parameters.get(stopHead.bias)!;
  return op.add(g, op.matmul(g, thoughts, op.transpose(g, weight, [1, 0])), bias);
}

/** The rows' own past, longer by the positions just computed. */
function extend(
  g: GraphBuilder,
  past: Past | null,
  layers: readonly KeyValues[],
  keyBias: Value,
): Past {
  if (!past) return { layers, bias: keyBias, rowsPerContext: 1 };
  return {
    layers: layers.map(({ key, value }, l) => ({
      key: op.concat(g, [past.layers[l]!.key, key], 2),
      value: op.concat(g, [past.layers[l]!.value, value], 2),
    })),
    bias: op.concat(g, [past.bias, keyBias], 3),
    rowsPerContext: 1,
  };
}
