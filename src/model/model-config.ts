// Schema of a checkpoint's config.json: Hugging Face's GPT2Config fields plus one `coconut` block.
// Owns names, defaults and cross-field checks; reads no files.
import { z } from 'zod';

/** What fills the gap between question and answer once reasoning steps are removed. */
export const fillers = ['none', 'thought', 'pause'] as const;

const tokenId = z.int().min(0);

/** How a checkpoint was taught to reason, and so how its prompts must be laid out. */
export const coconutSchema = z.strictObject({
  /** Row of the methods table (src/training/methods.ts) that trained it. */
  method: z.string().min(1),
  filler: z.enum(fillers),
  /** The paper's c: thoughts that replace one reasoning step. */
  thoughts_per_step: z.int().min(0),
  max_stage: z.int().min(0),
  /** Thoughts per request unless the request says otherwise; also what `reasoning_effort: high` means. */
  default_thoughts: z.int().min(0),
  bot_token_id: tokenId.nullable(),
  eot_token_id: tokenId.nullable(),
  pause_token_id: tokenId.nullable().default(null),
  /** Text that opens the final answer in the training data, e.g. "### ". */
  answer_marker: z.string(),
  /** Extra loss on the thoughts: 'none' is plain Coconut. */
  supervision: z.enum(['none', 'frontier']).default('none'),
});

export const modelConfigSchema = z
  .looseObject({
    model_type: z.literal('gpt2'),
    architectures: z.array(z.string()).default(['GPT2LMHeadModel']),
    vocab_size: z.int().min(1),
    n_positions: z.int().min(1),
    n_embd: z.int().min(1),
    n_layer: z.int().min(1),
    n_head: z.int().min(1),
    n_inner: z.int().min(1).nullable().default(null),
    activation_function: z.literal('gelu_new').default('gelu_new'),
    layer_norm_epsilon: z.number().positive().default(1e-5),
    tie_word_embeddings: z.literal(true).default(true),
    bos_token_id: tokenId.nullable().default(null),
    eos_token_id: tokenId,
    coconut: coconutSchema,
  })
  .superRefine((config, context) => {
    if (config.n_embd % config.n_head !== 0) {
      context.addIssue({
        code: 'custom',
        path: ['n_head'],
        message: `n_embd ${config.n_embd} is not a multiple of n_head ${config.n_head}`,
      });
    }
    const { filler, bot_token_id, eot_token_id, pause_token_id } = config.coconut;
    const missing =
      filler === 'thought'
        ? bot_token_id === null || eot_token_id === null
        : filler === 'pause' && pause_token_id === null;
    if (missing) {
      context.addIssue({
        code: 'custom',
        path: ['coconut'],
        message: `filler "${filler}" needs its marker token ids`,
      });
    }
  });

export type CoconutConfig = z.output<typeof coconutSchema>;
export type ModelConfig = z.output<typeof modelConfigSchema>;
