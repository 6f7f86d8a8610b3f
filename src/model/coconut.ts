// Chain of continuous thought (Hao et al. 2024, arXiv 2412.06769), unrolled: question, K thoughts, tail.
// The state after the final norm at <bot> is the first thought, the state at thought i the next;
// each is fed as the next input embedding. The tail starts in the pass of the last thought.
// And the learned <eot>: a 2-way head on the thought that says whether it is the last; and thoughts that are
// refined in parallel instead of one after the other (PCCoT, arXiv 2506.18582). Controls take the same passes, but
// what they feed is the same at every position: zeros, or the embedding of <pause>.
import type { GraphBuilder, Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import { causalBias, type KeyValues, type Past } from './attention.ts';
import { fillers } from './fillers.ts';
import type { CoconutConfig } from './model-config.ts';
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
 * How thoughts come about. sequential: each from the one before, in a pass of its own. jacobi: all K columns in
 * each of `iterations` passes, the last of which carries the tail, each column from the one before it in the pass
 * before; the first pass has the slot token where no thought is known. From K iterations on it is sequential.
 */
export type LatentUpdate = CoconutConfig['latent_update'];

/** What config.json says of it. */
export type Unrolling = Pick<CoconutConfig, 'filler' | 'latent_update' | 'pause_token_id'>;

export type Unrolled = {
  /**
   * [B, 1 + K + T, D] where T is the tail's length: the states at the last question position, at each
   * thought, and at each tail position. Column c predicts what stands at column c + 1, and for c < K
   * column c is thought c + 1 itself, as the last pass had it (or what a control has in its place).
   */
  hidden: Value;
  /** The states of the pass that read the question: in its first columns, one for each of the question's. */
  asked: Value;
  /** The last pass; its final T columns are the tail's. */
  last: ForwardOutput;
  /** The encoded context, for more that follows it; empty without one. */
  shared: readonly Past[];
};

export function unrollThoughts(
  g: GraphBuilder,
  model: Transformer,
  inputs: CoconutInputs,
  unrolling: Unrolling,
): Unrolled {
  const { embed } = model;
  const { latent_update: update } = unrolling;
  const shared: Past[] = [];
  let own: Past | null = null;

  /** What the new positions are, without a trace of them in the past. */
  const look = (embeddings: Value, positionIds: Value, keyBias: Value): ForwardOutput => {
    const pasts = own ? [...shared, own] : shared;
    const newBias = causalBias(g, positionIds, keyBias);
    return model.forward(embeddings, positionIds, pasts, newBias);
  };
  const forward: typeof look = (embeddings, positionIds, keyBias) => {
    const output = look(embeddings, positionIds, keyBias);
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
  if (!thoughts) {
    // Nothing waits for a thought: the whole row is one pass.
    const ids = op.concat(g, [question.ids, tail.ids], 1);
    const positionIds = op.concat(g, [question.positionIds, tail.positionIds], 1);
    const keyBias = op.concat(g, [question.keyBias, tail.keyBias], 3);
    const last = g.scope('row', () => forward(embed(ids), positionIds, keyBias));
    const [asking, all] = [question.ids.shape[1], ids.shape[1]] as [number, number];
    return {
      hidden: op.slice(g, last.hidden, 1, asking - 1, all),
      asked: last.hidden,
      last,
      shared,
    };
  }
  const asked = g.scope('question', () =>
    forward(embed(question.ids), question.positionIds, question.keyBias),
  );
  const T = question.ids.shape[1] as number;
  const first = op.slice(g, asked.hidden, 1, T - 1, T); // [B, 1, D]
  /** Thoughts that stand already, and those that go with the tail. */
  const { earlier, slots } =
    update.kind === 'sequential'
      ? oneByOne(g, first, thoughts, forward, fixedSlot(g, model, unrolling, first))
      : inParallel(
          g,
          first,
          thoughts,
          look,
          embedOne(g, model, update.slot_token_id),
          update.iterations,
        );
  const last = g.scope('tail', () => withTail(g, slots, thoughts, tail, embed, forward));
  const lastState = op.slice(
    g,
    last.hidden,
    1,
    (slots.shape[1] as number) - 1,
    last.hidden.shape[1] as number,
  );
  const hidden = op.concat(g, [...earlier, slots, lastState], 1);
  return { hidden, asked: asked.hidden, last, shared };
}

type Pass = (embeddings: Value, positionIds: Value, keyBias: Value) => ForwardOutput;
type Columns = Omit<Segment, 'ids'>;

/** All but the last thought, a pass each. @param fixed [B, 1, D] fed in place of every thought; null: they are */
function oneByOne(
  g: GraphBuilder,
  first: Value,
  thoughts: Columns,
  forward: Pass,
  fixed: Value | null,
) {
  const K = thoughts.positionIds.shape[1] as number;
  const earlier: Value[] = [];
  let state = fixed ?? first;
  for (let k = 0; k < K - 1; k++) {
    earlier.push(state);
    const { positionIds, keyBias } = columnsOf(g, thoughts, k, k + 1);
    const { hidden } = g.scope(`thought.${k}`, () => forward(state, positionIds, keyBias));
    state = fixed ?? hidden;
  }
  return { earlier, slots: state };
}

/** All thoughts, as they are before the last pass. @param slot [1, D] */
function inParallel(
  g: GraphBuilder,
  first: Value,
  { positionIds, keyBias }: Columns,
  look: Pass,
  slot: Value,
  iterations: number,
) {
  const [B, K] = positionIds.shape as [number, number];
  const D = slot.shape[1] as number;
  const unknown = op.expand(g, op.reshape(g, slot, [1, 1, D]), [B, K - 1, D]);
  let slots = K === 1 ? first : op.concat(g, [first, unknown], 1); // [B, K, D]
  // A sweep settles one thought more; after K - 1 of them nothing changes.
  for (let sweep = 1; sweep < Math.min(iterations, K); sweep++) {
    const { hidden } = g.scope(`sweep.${sweep}`, () => look(slots, positionIds, keyBias));
    slots = op.concat(g, [first, op.slice(g, hidden, 1, 0, K - 1)], 1);
  }
  return { earlier: [], slots };
}

/** What a control feeds at each position, like `first` [B, 1, D]; null where thoughts are fed. */
function fixedSlot(
  g: GraphBuilder,
  model: Transformer,
  { filler, pause_token_id }: Unrolling,
  first: Value,
): Value | null {
  const { slot } = fillers[filler];
  if (slot === 'state') return null;
  const [B, , D] = first.shape as [number, number, number];
  // model-config.ts has checked that a filler of pauses has their id.
  const row =
    slot === 'pause'
      ? embedOne(g, model, pause_token_id!)
      : g.constant(new Float32Array(D), [1, D]);
  return op.expand(g, op.reshape(g, row, [1, 1, D]), [B, 1, D]);
}

/** @returns [1, D] */
function embedOne(g: GraphBuilder, model: Transformer, id: number): Value {
  return model.embed(g.constant(BigInt64Array.of(BigInt(id)), [1]));
}

/** The last pass: the thoughts that are left, with the tail behind them. */
function withTail(
  g: GraphBuilder,
  slots: Value,
  thoughts: Columns,
  tail: Segment,
  embed: Transformer['embed'],
  forward: Pass,
): ForwardOutput {
  const K = thoughts.positionIds.shape[1] as number;
  const { positionIds, keyBias } = columnsOf(g, thoughts, K - (slots.shape[1] as number), K);
  return forward(
    op.concat(g, [slots, embed(tail.ids)], 1),
    op.concat(g, [positionIds, tail.positionIds], 1),
    op.concat(g, [keyBias, tail.keyBias], 3),
  );
}

function columnsOf(g: GraphBuilder, thoughts: Columns, from: number, to: number): Columns {
  return {
    positionIds: op.slice(g, thoughts.positionIds, 1, from, to),
    keyBias: op.slice(g, thoughts.keyBias, 3, from, to),
  };
}

/** The learned <eot>: thoughts [..., D] → logits [..., 2] of "go on" and "this is the last". */
export function stopLogits(g: GraphBuilder, parameters: Parameters, thoughts: Value): Value {
  const weight = parameters.get(stopHead.weight)!; // [2, D], as torch's Linear stores it
  const bias = parameters.get(stopHead.bias)!;
  return op.add(g, op.matmulTransposed(g, thoughts, weight), bias);
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
