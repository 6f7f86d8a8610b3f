// Schema of a checkpoint's config.json: the fields of Hugging Face's GPT2Config or LlamaConfig, plus one
// `coconut` block. Owns names, defaults, cross-field checks and the sizes both have; reads no files.
import { z } from 'zod';
import { fillerNames, fillers } from './fillers.ts';

/** A stop head has two classes: thinking ends where stopping is the likelier one. */
export const STOP_PROBABILITY = 0.5;

const count = z.int().min(1);
const tokenId = z.int().min(0);
/** What the weights are stored in, for transformers and the model card; model.safetensors has the last word. */
const storedAs = z.string().optional();

/** How a checkpoint was taught to reason, and so how its prompts must be laid out. */
export const coconutSchema = z.strictObject({
  /** Row of the methods table (src/training/methods.ts) that trained it. */
  method: z.string().min(1),
  filler: z.enum(fillerNames),
  /** The paper's c: thoughts that replace one reasoning step. */
  thoughts_per_step: z.int().min(0),
  max_stage: z.int().min(0),
  /** Thoughts per request unless the request says otherwise; also what `reasoning_effort: high` means. */
  default_thoughts: z.int().min(0),
  /** First reasoning steps that it writes before its thoughts; it then writes <bot> itself. 0: thoughts come first. */
  word_steps: z.int().min(0).default(0),
  bot_token_id: tokenId.nullable(),
  eot_token_id: tokenId.nullable(),
  pause_token_id: tokenId.nullable().default(null),
  /** Text that opens the final answer in the training data, e.g. "### ". */
  answer_marker: z.string(),
  /** Extra loss on the thoughts: 'none' is plain Coconut. */
  supervision: z.enum(['none', 'frontier', 'decoder']).default('none'),
  /** Whether the answers were also taught by the model's own chain of thought (CODI). */
  distilled: z.boolean().default(false),
  /** See LatentUpdate in coconut.ts: one thought per pass, or all of them refined in each of a few. */
  latent_update: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('sequential') }),
      z.strictObject({ kind: z.literal('jacobi'), iterations: count, slot_token_id: tokenId }),
    ])
    .default({ kind: 'sequential' }),
  /** Whether a trained head says which thought is the last; it then does so unless a request wants otherwise. */
  stop_head: z.boolean().default(false),
  /** Positions left out between question and answer: those of the chain's tokens that iCoT took away, where it keeps them. */
  skipped_positions: z.int().min(0).default(0),
});

const gpt2Schema = z.looseObject({
  model_type: z.literal('gpt2'),
  architectures: z.array(z.string()).default(['GPT2LMHeadModel']),
  vocab_size: count,
  n_positions: count,
  n_embd: count,
  n_layer: count,
  n_head: count,
  n_inner: count.nullable().default(null),
  activation_function: z.literal('gelu_new').default('gelu_new'),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  tie_word_embeddings: z.boolean().default(true),
  /** Variants of attention that no published GPT-2 has. */
  scale_attn_weights: z.literal(true).optional(),
  scale_attn_by_inverse_layer_idx: z.literal(false).optional(),
  torch_dtype: storedAs,
  bos_token_id: tokenId.nullable().default(null),
  eos_token_id: tokenId,
  coconut: coconutSchema,
});

/** How rotation frequencies are stretched to reach further than they were trained; null: not at all. */
const ropeScalingSchema = z.discriminatedUnion('rope_type', [
  z.looseObject({ rope_type: z.literal('linear'), factor: z.number().min(1) }),
  z.looseObject({
    rope_type: z.literal('llama3'),
    factor: z.number().min(1),
    low_freq_factor: z.number().positive(),
    high_freq_factor: z.number().positive(),
    original_max_position_embeddings: count,
  }),
]);

const llamaSchema = z.looseObject({
  model_type: z.literal('llama'),
  architectures: z.array(z.string()).default(['LlamaForCausalLM']),
  vocab_size: count,
  max_position_embeddings: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  /** Keys and values are shared by num_attention_heads / num_key_value_heads heads each. */
  num_key_value_heads: count,
  /** Only as transformers writes it out where it follows from the others. */
  head_dim: count.nullish(),
  hidden_act: z.literal('silu').default('silu'),
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().default(10_000),
  rope_scaling: ropeScalingSchema.nullable().default(null),
  attention_bias: z.literal(false).default(false),
  mlp_bias: z.literal(false).default(false),
  tie_word_embeddings: z.boolean().default(false),
  torch_dtype: storedAs,
  bos_token_id: tokenId.nullable().default(null),
  eos_token_id: tokenId,
  coconut: coconutSchema,
});

export const modelConfigSchema = z
  .discriminatedUnion('model_type', [gpt2Schema, llamaSchema])
  .superRefine((config, context) => {
    const report = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    for (const [path, message] of misfits(config)) report(path, message);
    const { filler, bot_token_id, eot_token_id, pause_token_id } = config.coconut;
    const { isMarked, slot } = fillers[filler];
    const lacksMarkers = isMarked && (bot_token_id === null || eot_token_id === null);
    if (lacksMarkers || (slot === 'pause' && pause_token_id === null))
      report('coconut', `filler "${filler}" needs its marker token ids`);
    if (config.coconut.latent_update.kind === 'jacobi' && config.coconut.stop_head)
      report('coconut', 'thoughts that are refined together have no one to stop at: no stop_head');
    if (config.coconut.word_steps > 0 && filler !== 'thought')
      report('coconut', `filler "${filler}" has no thoughts for word_steps to stand before`);
    if (config.coconut.stop_head && filler !== 'thought')
      report('coconut', `filler "${filler}" has no thoughts for a stop_head to read`);
  });

export type CoconutConfig = z.output<typeof coconutSchema>;
export type Gpt2Config = z.output<typeof gpt2Schema>;
export type LlamaConfig = z.output<typeof llamaSchema>;
export type RopeScaling = z.output<typeof ropeScalingSchema>;
export type ModelConfig = Gpt2Config | LlamaConfig;

/** The sizes that both architectures have, under one name each. */
export type Dimensions = {
  layers: number;
  width: number;
  heads: number;
  /** Heads of keys and values: `heads`, or a divisor of it. */
  kvHeads: number;
  headSize: number;
  vocab: number;
  positions: number;
};

export function dimensionsOf(config: ModelConfig): Dimensions {
  const { vocab_size: vocab } = config;
  switch (config.model_type) {
    case 'gpt2': {
      const { n_layer: layers, n_embd: width, n_head: heads, n_positions: positions } = config;
      return { layers, width, heads, kvHeads: heads, headSize: width / heads, vocab, positions };
    }
    case 'llama': {
      const { hidden_size: width, num_attention_heads: heads } = config;
      return {
        layers: config.num_hidden_layers,
        width,
        heads,
        kvHeads: config.num_key_value_heads,
        headSize: width / heads,
        vocab,
        positions: config.max_position_embeddings,
      };
    }
  }
}

/** Sizes that do not divide as they must, by the field at fault. */
function misfits(config: Gpt2Config | LlamaConfig): [path: string, message: string][] {
  const found: [string, string][] = [];
  const { width, heads, kvHeads, headSize } = dimensionsOf(config);
  const [widthName, headsName] =
    config.model_type === 'gpt2' ? ['n_embd', 'n_head'] : ['hidden_size', 'num_attention_heads'];
  if (width % heads !== 0)
    found.push([headsName, `${widthName} ${width} is not a multiple of ${headsName} ${heads}`]);
  if (heads % kvHeads !== 0) {
    const message = `num_attention_heads ${heads} is not a multiple of num_key_value_heads ${kvHeads}`;
    found.push(['num_key_value_heads', message]);
  }
  const headDim = config.model_type === 'llama' ? config.head_dim : null;
  if (headDim != null && headDim !== headSize)
    found.push([
      'head_dim',
      `head_dim ${headDim} is not ${widthName} / ${headsName}, ${width} / ${heads}`,
    ]);
  if (config.model_type === 'llama' && width % heads === 0 && headSize % 2 !== 0)
    found.push([headsName, `a head of ${headSize} has no halves to rotate`]);
  return found;
}
