// GPT-2's forward pass over embeddings, as Hugging Face defines it. The only one: prefill, decode,
// thoughts and training all call it. Where the embeddings come from is coconut.ts's business.
import type { GraphBuilder, Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import type { ModelConfig } from './model-config.ts';
import type { Parameters } from './parameters.ts';

/** Keys and values of one layer over S positions that came before. */
export type KeyValues = {
  key: Value; // [N, H, S, Dh]
  value: Value; // [N, H, S, Dh]
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

export type Gpt2Output = {
  /** After the final LayerNorm: what the lm_head reads and what a thought feeds back. */
  hidden: Value; // [B, T, D]
  layers: KeyValues[]; // of the T new positions
};

/** Added to the score of a position that must not be seen; finite, so that no row becomes NaN. */
export const MASKED = -1e9;

type Shape = { heads: number; headSize: number };

/**
 * @param embeddings [B, T, D], position embeddings not yet added
 * @param positionIds int64 [B, T]
 * @param newBias [B, 1, T, T] from causalBias
 */
export function gpt2(
  g: GraphBuilder,
  config: ModelConfig,
  parameters: Parameters,
  embeddings: Value,
  positionIds: Value,
  pasts: readonly Past[],
  newBias: Value,
): Gpt2Output {
  const p = (name: string): Value => parameters.get(`transformer.${name}`)!;
  const norm = (x: Value, name: string): Value =>
    op.layerNorm(g, x, p(`${name}.weight`), p(`${name}.bias`), config.layer_norm_epsilon);
  const linear = (x: Value, name: string): Value =>
    op.add(g, op.matmul(g, x, p(`${name}.weight`)), p(`${name}.bias`));
  const shape = { heads: config.n_head, headSize: config.n_embd / config.n_head };

  let x = op.add(g, embeddings, op.gather(g, p('wpe.weight'), positionIds)); // [B, T, D]
  const layers: KeyValues[] = [];
  for (let l = 0; l < config.n_layer; l++) {
    g.scope(`h.${l}`, () => {
      const qkv = linear(norm(x, `h.${l}.ln_1`), `h.${l}.attn.c_attn`); // [B, T, 3D]
      const [query, key, value] = op
        .split(g, qkv, [config.n_embd, config.n_embd, config.n_embd], -1)
        .map((part) => splitHeads(g, part, shape)) as [Value, Value, Value];
      const own = {
        key: op.transpose(g, key, [0, 2, 1, 3]),
        value: op.transpose(g, value, [0, 2, 1, 3]),
      };
      layers.push(own);
      const blocks = pasts.map((past) => ({
        ...past.layers[l]!,
        bias: past.bias,
        rowsPerContext: past.rowsPerContext,
      }));
      const mixed = attention(
        g,
        query,
        [...blocks, { ...own, bias: newBias, rowsPerContext: 1 }],
        shape,
      );
      x = op.add(g, x, linear(mixed, `h.${l}.attn.c_proj`));
      const widened = gelu(g, linear(norm(x, `h.${l}.ln_2`), `h.${l}.mlp.c_fc`));
      x = op.add(g, x, linear(widened, `h.${l}.mlp.c_proj`));
    });
  }
  return { hidden: norm(x, 'ln_f'), layers };
}

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

/** hidden [..., D] → logits [..., V] by the tied embedding. */
export function lmHead(g: GraphBuilder, parameters: Parameters, hidden: Value): Value {
  return op.matmul(g, hidden, op.transpose(g, parameters.get('transformer.wte.weight')!, [1, 0]));
}

type Block = KeyValues & { bias: Value; rowsPerContext: number };

/** One softmax over all blocks; scores stay apart so that no cache is ever copied or expanded. */
function attention(
  g: GraphBuilder,
  query: Value,
  blocks: readonly Block[],
  { heads, headSize }: Shape,
): Value {
  const [B, T] = query.shape as [number, number];
  const scaled = op.mul(g, query, g.scalar(1 / Math.sqrt(headSize))); // [B, T, H, Dh]
  const scores = blocks.map((block) => {
    const S = block.key.shape[2] as number;
    const rows = groupRows(g, scaled, block.rowsPerContext); // [N, H, (B/N)·T, Dh]
    const raw = op.add(g, op.matmul(g, rows, op.transpose(g, block.key, [0, 1, 3, 2])), block.bias);
    if (block.rowsPerContext === 1) return raw; // [B, H, T, S]
    const [N, Q] = [B / block.rowsPerContext, block.rowsPerContext];
    const apart = op.transpose(g, op.reshape(g, raw, [N, heads, Q, T, S]), [0, 2, 1, 3, 4]);
    return op.reshape(g, apart, [B, heads, T, S]);
  });
  const weights = op.softmax(g, op.concat(g, scores, -1));
  const pieces = splitLike(g, weights, blocks);
  const sums = blocks.map((block, i) => {
    const S = block.key.shape[2] as number;
    const [N, Q] = [B / block.rowsPerContext, block.rowsPerContext];
    if (Q === 1) return op.transpose(g, op.matmul(g, pieces[i]!, block.value), [0, 2, 1, 3]);
    const grouped = op.transpose(
      g,
      op.reshape(g, pieces[i]!, [N, Q, heads, T, S]),
      [0, 2, 1, 3, 4],
    );
    const mixed = op.matmul(g, op.reshape(g, grouped, [N, heads, Q * T, S]), block.value);
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

function splitHeads(g: GraphBuilder, x: Value, { heads, headSize }: Shape): Value {
  const [B, T] = x.shape as [number, number];
  return op.reshape(g, x, [B, T, heads, headSize]);
}

/** gelu_new: x · σ(2u) with u = √(2/π)(x + 0.044715 x³), the tanh form rewritten. */
function gelu(g: GraphBuilder, x: Value): Value {
  const c = 2 * Math.sqrt(2 / Math.PI);
  const slope = op.add(g, op.mul(g, op.mul(g, x, x), g.scalar(c * 0.044715)), g.scalar(c));
  return op.mul(g, x, op.sigmoid(g, op.mul(g, x, slope)));
}
