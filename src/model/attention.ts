// Attention over keys and values that came before and over the new positions, in one softmax, and the
// masks it needs. Prefill, decode and training of every architecture use this one.
import type { Dim, GraphBuilder, Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import type { Dropout } from './transformer.ts';

/** Keys and values of one layer over S positions that came before. */
export type KeyValues = {
  key: Value; // [N, Hkv, S, Dh]
  value: Value; // [N, Hkv, S, Dh]
};

/**
 * Earlier positions that the new ones attend to. N is B, or B / rowsPerContext where several rows
 * follow one shared context: row b then reads context ⌊b / rowsPerContext⌋.
 */
export type Past = {
  layers: readonly KeyValues[];
  bias: Value; // [N, 1, 1, S]: 0 where a position counts, MASKED where it does not
  rowsPerContext: number;
};

/** Added to the score of a position that must not be seen; finite, so that no row becomes NaN. */
export const MASKED = -1e9;

/** Query heads, and the width of a head; the keys' own shape says how many heads share one. */
export type HeadShape = { heads: number; headSize: number };

type Block = KeyValues & { bias: Value; rowsPerContext: number };

/** Scores of the new positions among themselves: later ones and padding are masked. */
export function causalBias(g: GraphBuilder, positionIds: Value, keyBias: Value): Value {
  const [B, T] = positionIds.shape as [number, number];
  const axis = (at: number): Value => g.constant(BigInt64Array.of(BigInt(at)), [1]);
  const unsqueeze = (x: Value, at: number, shape: (number | string)[]): Value =>
    g.node({ op: 'Unsqueeze', inputs: [x, axis(at)] }, [{ dtype: 'int64', shape }])[0]!;
  const rows = unsqueeze(positionIds, 1, [B, 1, T]);
  const later = op.greater(g, unsqueeze(rows, 2, [B, 1, 1, T]), unsqueeze(rows, 3, [B, 1, T, 1]));
  return op.add(g, op.mul(g, later, g.scalar(MASKED)), keyBias); // [B, 1, T, T]
}

/** What layer `l` attends to: its share of every past, then its own new positions. */
export function blocksOf(
  pasts: readonly Past[],
  l: number,
  own: KeyValues,
  newBias: Value,
): Block[] {
  const earlier = pasts.map(({ layers, bias, rowsPerContext }) => ({
    ...layers[l]!,
    bias,
    rowsPerContext,
  }));
  return [...earlier, { ...own, bias: newBias, rowsPerContext: 1 }];
}

/**
 * One softmax over all blocks; scores stay apart so that no cache is ever copied or expanded.
 * @param query [B, T, H, Dh]
 * @param drop on the weights
 * @returns [B, T, H·Dh]
 */
export function attention(
  g: GraphBuilder,
  query: Value,
  blocks: readonly Block[],
  { heads, headSize }: HeadShape,
  drop: Dropout,
): Value {
  const [B, T] = query.shape as [number, number];
  const scaled = op.mul(g, query, g.scalar(1 / Math.sqrt(headSize))); // [B, T, H, Dh]
  const scores = blocks.map((block) => {
    const S = block.key.shape[2] as number;
    const rows = groupRows(g, scaled, block.rowsPerContext); // [N, H, (B/N)·T, Dh]
    const raw = op.add(g, byHead(g, rows, op.transpose(g, block.key, [0, 1, 3, 2])), block.bias);
    if (block.rowsPerContext === 1) return raw; // [B, H, T, S]
    const [N, Q] = [B / block.rowsPerContext, block.rowsPerContext];
    const apart = op.transpose(g, op.reshape(g, raw, [N, heads, Q, T, S]), [0, 2, 1, 3, 4]);
    return op.reshape(g, apart, [B, heads, T, S]);
  });
  const weights = drop(op.softmax(g, op.concat(g, scores, -1)));
  const pieces = splitLike(g, weights, blocks);
  const sums = blocks.map((block, i) => {
    const S = block.key.shape[2] as number;
    const [N, Q] = [B / block.rowsPerContext, block.rowsPerContext];
    if (Q === 1) return op.transpose(g, byHead(g, pieces[i]!, block.value), [0, 2, 1, 3]);
    const grouped = op.transpose(
      g,
      op.reshape(g, pieces[i]!, [N, Q, heads, T, S]),
      [0, 2, 1, 3, 4],
    );
    const mixed = byHead(g, op.reshape(g, grouped, [N, heads, Q * T, S]), block.value);
    const apart = op.transpose(
      g,
      op.reshape(g, mixed, [N, heads, Q, T, headSize]),
      [0, 2, 3, 1, 4],
    );
    return op.reshape(g, apart, [B, T, heads, headSize]);
  }); // each [B, T, H, Dh]
  const total = sums.reduce((a, b) => op.add(g, a, b));
  return op.reshape(g, total, [B, T, heads * headSize]);
}

/**
 * [N, H, M, X] × [N, Hkv, X, Y] → [N, H, M, Y]: the heads that share keys and values stack up as rows
 * of one product, so that nothing is repeated.
 */
function byHead(g: GraphBuilder, rows: Value, shared: Value): Value {
  const [N, H, M, X] = rows.shape as [Dim, number, Dim, Dim];
  const kvHeads = shared.shape[1] as number;
  if (kvHeads === H) return op.matmul(g, rows, shared);
  const perHead = H / kvHeads;
  const stacked = typeof M === 'number' ? perHead * M : `${perHead}*${M}`;
  const product = op.matmul(g, op.reshape(g, rows, [N, kvHeads, stacked, X]), shared);
  return op.reshape(g, product, [N, H, M, shared.shape[3]!]);
}

/** [B, T, H, Dh] → [N, H, (B/N)·T, Dh]: the rows of one context become one tall matrix. */
function groupRows(g: GraphBuilder, query: Value, rowsPerContext: number): Value {
  if (rowsPerContext === 1) return op.transpose(g, query, [0, 2, 1, 3]);
  const [B, T, H, Dh] = query.shape as [number, number, number, number];
  const tall = op.reshape(g, query, [B / rowsPerContext, rowsPerContext * T, H, Dh]);
  return op.transpose(g, tall, [0, 2, 1, 3]);
}

/** Undoes the concatenation of the blocks' scores. */
function splitLike(g: GraphBuilder, weights: Value, blocks: readonly Block[]): Value[] {
  const sizes = blocks.map((block) => block.key.shape[2]!);
  if (sizes.length === 1) return [weights];
  if (sizes.every((size) => typeof size === 'number')) return op.split(g, weights, sizes, -1);
  // Symbolic sizes (serving): cut at the length of the first block, read off its own shape.
  const outputs = sizes.map((size) => ({
    dtype: weights.dtype,
    shape: [...weights.shape.slice(0, -1), size],
  }));
  const lengths = blocks.map(
    (block) =>
      g.node({ op: 'Shape', inputs: [block.key], attributes: { start: 2, end: 3 } }, [
        { dtype: 'int64', shape: [1] },
      ])[0]!,
  );
  return g.node(
    { op: 'Split', inputs: [weights, op.concat(g, lengths, 0)], attributes: { axis: 3 } },
    outputs,
  );
}

/** [B, T, H·Dh] → [B, T, H, Dh] */
export function splitHeads(g: GraphBuilder, x: Value, { heads, headSize }: HeadShape): Value {
  const [B, T] = x.shape as [number, number];
  return op.reshape(g, x, [B, T, heads, headSize]);
}
