// GPT-2's forward pass over embeddings, as Hugging Face defines it. The only one: prefill, decode,
// thoughts and training all call it. Where the embeddings come from is coconut.ts's business.
import type { GraphBuilder, Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import { attention, blocksOf, type KeyValues, splitHeads } from './attention.ts';
import type { Gpt2Config } from './model-config.ts';
import type { Parameters } from './parameters.ts';
import type { Dropout, Transformer } from './transformer.ts';

export function gpt2(
  g: GraphBuilder,
  config: Gpt2Config,
  parameters: Parameters,
  drop: Dropout,
): Transformer {
  const { n_embd: D, n_head: heads, n_layer: L } = config;
  const p = (name: string): Value => parameters.get(`transformer.${name}`)!;
  const norm = (x: Value, name: string): Value =>
    op.layerNorm(g, x, p(`${name}.weight`), p(`${name}.bias`), config.layer_norm_epsilon);
  const linear = (x: Value, name: string): Value =>
    op.add(g, op.matmul(g, x, p(`${name}.weight`)), p(`${name}.bias`));
  const shape = { heads, headSize: D / heads };

  const forward: Transformer['forward'] = (embeddings, positionIds, pasts, newBias) => {
    let x = drop(op.add(g, embeddings, op.gather(g, p('wpe.weight'), positionIds))); // [B, T, D]
    const layers: KeyValues[] = [];
    const residuals: Value[] = [];
    for (let l = 0; l < L; l++) {
      g.scope(`h.${l}`, () => {
        const qkv = linear(norm(x, `h.${l}.ln_1`), `h.${l}.attn.c_attn`); // [B, T, 3D]
        const [query, key, value] = op
          .split(g, qkv, [D, D, D], -1)
          .map((part) => splitHeads(g, part, shape)) as [Value, Value, Value];
        const own = {
          key: op.transpose(g, key, [0, 2, 1, 3]),
          value: op.transpose(g, value, [0, 2, 1, 3]),
        };
        layers.push(own);
        const mixed = attention(g, query, blocksOf(pasts, l, own, newBias), shape, drop);
        x = op.add(g, x, drop(linear(mixed, `h.${l}.attn.c_proj`)));
        const widened = gelu(g, linear(norm(x, `h.${l}.ln_2`), `h.${l}.mlp.c_fc`));
        x = op.add(g, x, drop(linear(widened, `h.${l}.mlp.c_proj`)));
        residuals.push(x);
      });
    }
    return { hidden: norm(x, 'ln_f'), layers, residuals };
  };
  return {
    embed: (ids) => op.gather(g, p('wte.weight'), ids),
    forward,
    lmHead: (hidden) =>
      op.matmulTransposed(g, hidden, parameters.get('lm_head.weight') ?? p('wte.weight')),
  };
}

/** gelu_new: x · σ(2u) with u = √(2/π)(x + 0.044715 x³), the tanh form rewritten. */
function gelu(g: GraphBuilder, x: Value): Value {
  const c = 2 * Math.sqrt(2 / Math.PI);
  const slope = op.add(g, op.mul(g, op.mul(g, x, x), g.scalar(c * 0.044715)), g.scalar(c));
  return op.mul(g, x, op.sigmoid(g, op.mul(g, x, slope)));
}
