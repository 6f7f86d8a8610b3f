// The one table of a checkpoint's tensors, per architecture: Hugging Face's names and shapes.
// Serving, training, checkpoint reading and initialisation all walk it.
import type { Value } from '../onnx/graph.ts';
import {
  dimensionsOf,
  type Gpt2Config,
  type LlamaConfig,
  type ModelConfig,
} from './model-config.ts';

/** matrix: multiplies activations; embedding: a row per token or position; gain and bias: vectors. */
export type ParameterKind = 'matrix' | 'embedding' | 'gain' | 'bias';

export type ParameterRow = { name: string; shape: number[]; kind: ParameterKind };

/** Parameters by their Hugging Face name, as values of the graph being built. */
export type Parameters = ReadonlyMap<string, Value>;

type Row = [name: string, shape: number[], kind: ParameterKind];

export function parameterTable(config: ModelConfig): ParameterRow[] {
  const rows = config.model_type === 'gpt2' ? gpt2Rows(config) : llamaRows(config);
  const head = config.coconut.stop_head ? stopHeadRows(dimensionsOf(config).width) : [];
  return [...rows, ...head].map(([name, shape, kind]) => ({ name, shape, kind }));
}

/** The head on a thought that says whether to go on thinking; ours, so no Hugging Face model has it. */
export const stopHead = {
  weight: 'latent_stop_head.weight',
  bias: 'latent_stop_head.bias',
} as const;

export const isStopHead = (name: string): boolean => Object.values<string>(stopHead).includes(name);

const stopHeadRows = (D: number): Row[] => [
  [stopHead.weight, [2, D], 'matrix'],
  [stopHead.bias, [2], 'bias'],
];

/** Linear layers are stored [in, out], as GPT-2's Conv1D does; the lm_head is wte, or has a row per token too. */
function gpt2Rows(config: Gpt2Config): Row[] {
  const { n_embd: D, vocab_size: V, n_positions: P, n_layer: L } = config;
  const F = config.n_inner ?? 4 * D;
  const block = (l: number): Row[] => [
    [`transformer.h.${l}.ln_1.weight`, [D], 'gain'],
    [`transformer.h.${l}.ln_1.bias`, [D], 'bias'],
    [`transformer.h.${l}.attn.c_attn.weight`, [D, 3 * D], 'matrix'],
    [`transformer.h.${l}.attn.c_attn.bias`, [3 * D], 'bias'],
    [`transformer.h.${l}.attn.c_proj.weight`, [D, D], 'matrix'],
    [`transformer.h.${l}.attn.c_proj.bias`, [D], 'bias'],
    [`transformer.h.${l}.ln_2.weight`, [D], 'gain'],
    [`transformer.h.${l}.ln_2.bias`, [D], 'bias'],
    [`transformer.h.${l}.mlp.c_fc.weight`, [D, F], 'matrix'],
    [`transformer.h.${l}.mlp.c_fc.bias`, [F], 'bias'],
    [`transformer.h.${l}.mlp.c_proj.weight`, [F, D], 'matrix'],
    [`transformer.h.${l}.mlp.c_proj.bias`, [D], 'bias'],
  ];
  return [
    ['transformer.wte.weight', [V, D], 'embedding'],
    ['transformer.wpe.weight', [P, D], 'embedding'],
    ...Array.from({ length: L }, (_, l) => block(l)).flat(),
    ['transformer.ln_f.weight', [D], 'gain'],
    ['transformer.ln_f.bias', [D], 'bias'],
    ...lmHead(config, V, D),
  ];
}

/** Linear layers are stored [out, in], as torch's Linear does; an untied lm_head holds a row per token. */
function llamaRows(config: LlamaConfig): Row[] {
  const { width: D, vocab: V, layers: L, kvHeads, headSize } = dimensionsOf(config);
  const [KV, F] = [kvHeads * headSize, config.intermediate_size];
  const block = (l: number): Row[] => [
    [`model.layers.${l}.input_layernorm.weight`, [D], 'gain'],
    [`model.layers.${l}.self_attn.q_proj.weight`, [D, D], 'matrix'],
    [`model.layers.${l}.self_attn.k_proj.weight`, [KV, D], 'matrix'],
    [`model.layers.${l}.self_attn.v_proj.weight`, [KV, D], 'matrix'],
    [`model.layers.${l}.self_attn.o_proj.weight`, [D, D], 'matrix'],
    [`model.layers.${l}.post_attention_layernorm.weight`, [D], 'gain'],
    [`model.layers.${l}.mlp.gate_proj.weight`, [F, D], 'matrix'],
    [`model.layers.${l}.mlp.up_proj.weight`, [F, D], 'matrix'],
    [`model.layers.${l}.mlp.down_proj.weight`, [D, F], 'matrix'],
  ];
  return [
    ['model.embed_tokens.weight', [V, D], 'embedding'],
    ...Array.from({ length: L }, (_, l) => block(l)).flat(),
    ['model.norm.weight', [D], 'gain'],
    ...lmHead(config, V, D),
  ];
}

function lmHead(config: ModelConfig, V: number, D: number): Row[] {
  return config.tie_word_embeddings ? [] : [['lm_head.weight', [V, D], 'embedding']];
}

export function parameterCount(config: ModelConfig): number {
  return parameterTable(config).reduce(
    (sum, { shape }) => sum + shape.reduce((n, d) => n * d, 1),
    0,
  );
}
