// generation_config.json: how Hugging Face says what is sampled and what ends a text.
import { z } from 'zod';

/** One id, or several: chat models often end a turn and a text with different tokens. */
export const eosIdsSchema = z
  .union([z.int().min(0), z.array(z.int().min(0)).min(1)])
  .transform((ids) => [ids].flat());

export const generationConfigSchema = z
  .looseObject({
    do_sample: z.boolean().optional(),
    temperature: z.number().min(0).max(2).optional(),
    top_p: z.number().gt(0).max(1).optional(),
    max_new_tokens: z.int().min(1).optional(),
    eos_token_id: eosIdsSchema.optional(),
  })
  // Hugging Face says "greedy" without a temperature, which it would warn about.
  .transform((config) => (config.do_sample === false ? { ...config, temperature: 0 } : config));

/** Sampling defaults; a field that is absent leaves the choice to the server. */
export type GenerationConfig = z.output<typeof generationConfigSchema>;
