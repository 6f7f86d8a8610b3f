// What an architecture offers to those who build graphs with it: the three parts of a decoder, over one
// set of parameters. architectures.ts chooses which one; nobody else need know.
import type { Value } from '../onnx/graph.ts';
import type { KeyValues, Past } from './attention.ts';

export type ForwardOutput = {
  /** After the final norm: what the lm_head reads and what a thought feeds back. */
  hidden: Value; // [B, T, D]
  layers: KeyValues[]; // of the T new positions
  /** The residual stream after each layer, before the final norm: each [B, T, D]. */
  residuals: Value[];
};

/** Drops some of a value's numbers, in training; see training/dropout.ts. */
export type Dropout = (x: Value) => Value;

/** What serving does. */
export const noDropout: Dropout = (x) => x;

export type Transformer = {
  /** Token ids [...] → [..., D], nothing of the position in it. */
  embed(ids: Value): Value;
  /**
   * @param embeddings [B, T, D]
   * @param positionIds int64 [B, T]
   * @param newBias [B, 1, T, T] from causalBias
   */
  forward(
    embeddings: Value,
    positionIds: Value,
    pasts: readonly Past[],
    newBias: Value,
  ): ForwardOutput;
  /** hidden [..., D] → logits [..., V] */
  lmHead(hidden: Value): Value;
};
