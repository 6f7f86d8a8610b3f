// The one table of a checkpoint's tensors: Hugging Face's GPT-2 names and shapes.
// Serving, training, checkpoint reading and initialisation all walk it.
import type { Value } from '../onnx/graph.ts';
import type { ModelConfig } from './model-config.ts';

/** matrix: multiplies activations; embedding: rows looked up by id; gain and bias: vectors. */
export type ParameterKind = 'matrix' | 'embedding' | 'gain' | 'bias';

export type ParameterRow = { name: string; shape: number[]; kind: ParameterKind };

/** Parameters by their Hugging Face name, as values of the graph being built. */
export type Parameters = ReadonlyMap<string, Value>;

type Row = [name: string, shape: number[], kind: ParameterKind];

/** Linear layers are stored [in, out], as GPT-2's Conv1D does; the lm_head is wte, transposed. */
export function parameterTable(config: ModelConfig): ParameterRow[] {
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
  const rows: Row[] = [
    ['transformer.wte.weight', [V, D], 'embedding'],
    ['transformer.wpe.weight', [P, D], 'embedding'],
    ...Array.from({ length: L }, (_, l) => block(l)).flat(),
    ['transformer.ln_f.weight', [D], 'gain'],
    ['transformer.ln_f.bias', [D], 'bias'],
  ];
  return rows.map(([name, shape, kind]) => ({ name, shape, kind }));
}

export function parameterCount(config: ModelConfig): number {
  return parameterTable(config).reduce(
    (sum, { shape }) => sum + shape.reduce((n, d) => n * d, 1),
    0,
  );
}
