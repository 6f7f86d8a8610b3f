// Llama's forward pass over embeddings, as Hugging Face defines it: RMSNorm, rotary positions, grouped
// keys and values, SwiGLU (Touvron et al. 2023, arXiv 2302.13971). Like gpt2.ts, the only one there is.
import type { GraphBuilder, Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import { attention, blocksOf, type KeyValues, splitHeads } from './attention.ts';
import { dimensionsOf, type LlamaConfig } from './model-config.ts';
import type { Parameters } from './parameters.ts';
import { rotaryTables } from './rotary.ts';
import type { Dropout, Transformer } from './transformer.ts';

export function llama(
  g: GraphBuilder,
  config: LlamaConfig,
  parameters: Parameters,
  drop: Dropout,
): Transformer {
  const { heads, kvHeads, headSize, layers: L, positions: P } = dimensionsOf(config);
  const p = (name: string): Value => parameters.get(`model.${name}`)!;
  const norm = (x: Value, name: string): Value =>
    op.rmsNorm(g, x, p(`${name}.weight`), config.rms_norm_eps);
  // Stored [out, in].
  const linear = (x: Value, name: string): Value => op.matmulTransposed(g, x, p(`${name}.weight`));
  const tables = rotaryTables(config);
  const cosines = g.initializer(g.fresh('rotary.cos'), [P, headSize], tables.cos);
  const sines = g.initializer(g.fresh('rotary.sin'), [P, headSize], tables.sin);

  const forward: Transformer['forward'] = (embeddings, positionIds, pasts, newBias) => {
    const [B, T] = positionIds.shape as [number, number];
    const [cos, sin] = [cosines, sines].map((table) =>
      op.reshape(g, op.gather(g, table, positionIds), [B, T, 1, headSize]),
    ) as [Value, Value];
    const headsOf = (x: Value, count: number): Value =>
      splitHeads(g, x, { heads: count, headSize });
    let x = drop(embeddings); // [B, T, D]
    const layers: KeyValues[] = [];
    const residuals: Value[] = [];
    for (let l = 0; l < L; l++) {
      g.scope(`layers.${l}`, () => {
        const block = `layers.${l}`;
        const normed = norm(x, `${block}.input_layernorm`);
        const query = headsOf(linear(normed, `${block}.self_attn.q_proj`), heads);
        const key = headsOf(linear(normed, `${block}.self_attn.k_proj`), kvHeads);
        const value = headsOf(linear(normed, `${block}.self_attn.v_proj`), kvHeads);
        const own = {
          key: op.transpose(g, rotate(g, key, cos, sin), [0, 2, 1, 3]),
          value: op.transpose(g, value, [0, 2, 1, 3]),
        };
        layers.push(own);
        const blocks = blocksOf(pasts, l, own, newBias);
        const mixed = attention(g, rotate(g, query, cos, sin), blocks, { heads, headSize }, drop);
        x = op.add(g, x, drop(linear(mixed, `${block}.self_attn.o_proj`)));
        const seen = norm(x, `${block}.post_attention_layernorm`);
        const gate = silu(g, linear(seen, `${block}.mlp.gate_proj`));
        const widened = op.mul(g, gate, linear(seen, `${block}.mlp.up_proj`));
        x = op.add(g, x, drop(linear(widened, `${block}.mlp.down_proj`)));
        residuals.push(x);
      });
    }
    return { hidden: norm(x, 'norm'), layers, residuals };
  };
  const words = p('embed_tokens.weight');
  return {
    embed: (ids) => op.gather(g, words, ids),
    forward,
    lmHead: (hidden) => op.matmulTransposed(g, hidden, parameters.get('lm_head.weight') ?? words),
  };
}

/** Turns each pair (x[i], x[i + Dh/2]) by its position's angle: x [B, T, H, Dh], tables [B, T, 1, Dh]. */
function rotate(g: GraphBuilder, x: Value, cos: Value, sin: Value): Value {
  const half = (x.shape[3] as number) / 2;
  const [lower, upper] = op.split(g, x, [half, half], -1) as [Value, Value];
  const swapped = op.concat(g, [upper, lower], -1); // the sine table carries the minus of the lower half
  return op.add(g, op.mul(g, x, cos), op.mul(g, swapped, sin));
}

function silu(g: GraphBuilder, x: Value): Value {
  return op.mul(g, x, op.sigmoid(g, x));
}
