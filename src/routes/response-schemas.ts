// What the routes answer with, as strict schemas: the OpenAPI document is made from them, and tests
// hold every answer against them.
import { z } from 'zod';
import { textFormatSchema } from './response-format.ts';

const count = z.int().min(0);
const finishReason = z.enum(['stop', 'length']);
const milliseconds = z.number().min(0);
const metadata = z.record(z.string(), z.string());

export const errorSchema = z
  .strictObject({
    error: z.strictObject({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: 'Error' });

const usageSchema = z.strictObject({
  prompt_tokens: count,
  completion_tokens: count.meta({ description: 'Thoughts and text tokens.' }),
  total_tokens: count,
  prompt_tokens_details: z.strictObject({ cached_tokens: count, audio_tokens: count }),
  completion_tokens_details: z.strictObject({
    reasoning_tokens: count.meta({ description: 'Continuous thoughts.' }),
    audio_tokens: count,
    accepted_prediction_tokens: count,
    rejected_prediction_tokens: count,
  }),
});

const timingsSchema = z.strictObject({
  queue_ms: milliseconds,
  prefill_ms: milliseconds,
  latent_ms: milliseconds,
  decode_ms: milliseconds,
  time_to_first_token_ms: milliseconds.nullable(),
  total_ms: milliseconds,
});

const tokenLogprob = { token: z.string(), logprob: z.number(), bytes: z.array(count) };
const logprobEntries = z.array(
  z.strictObject({ ...tokenLogprob, top_logprobs: z.array(z.strictObject(tokenLogprob)) }),
);
const chatLogprobsSchema = z
  .strictObject({ content: logprobEntries, refusal: z.null() })
  .nullable();

/** Only where latent_trace asked for it, and there were thoughts. */
const latentTrace = {
  latent_trace: z
    .array(
      z.strictObject({
        words: z.array(z.strictObject({ token: z.string(), probability: z.number() })),
        norm: z.number().min(0),
        cosine: z.number().nullable().meta({ description: 'To the thought before.' }),
      }),
    )
    .optional(),
  reasoning: z.string().optional(),
  reasoning_content: z.string().optional(),
};

/** Only where return_token_ids asked for them. */
const choiceTokenIds = { token_ids: z.array(count).optional() };
const promptTokenIds = { prompt_token_ids: z.array(count).optional() };

const chatHead = {
  id: z.string().startsWith('chatcmpl-'),
  created: count,
  model: z.string(),
  system_fingerprint: z.string(),
  service_tier: z.literal('default'),
};

export const chatCompletionSchema = z.strictObject({
  ...chatHead,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.strictObject({
      index: count,
      message: z.strictObject({
        role: z.literal('assistant'),
        content: z.string(),
        refusal: z.null(),
        ...latentTrace,
      }),
      logprobs: chatLogprobsSchema,
      finish_reason: finishReason,
      ...choiceTokenIds,
    }),
  ),
  usage: usageSchema,
  timings: timingsSchema,
  ...promptTokenIds,
  metadata: metadata.optional(),
});

export const chatChunkSchema = z.strictObject({
  ...chatHead,
  object: z.literal('chat.completion.chunk'),
  choices: z.array(
    z.strictObject({
      index: count,
      delta: z.strictObject({
        role: z.literal('assistant').optional(),
        content: z.string().optional(),
        ...latentTrace,
      }),
      logprobs: chatLogprobsSchema,
      finish_reason: finishReason.nullable(),
      ...choiceTokenIds,
    }),
  ),
  usage: usageSchema.nullable().optional(),
  timings: timingsSchema.optional(),
  ...promptTokenIds,
});

export const textCompletionSchema = z.strictObject({
  id: z.string().startsWith('cmpl-'),
  created: count,
  model: z.string(),
  system_fingerprint: z.string(),
  object: z.literal('text_completion'),
  choices: z.array(
    z.strictObject({
      text: z.string(),
      index: count,
      logprobs: z
        .strictObject({
          tokens: z.array(z.string()),
          token_logprobs: z.array(z.number().nullable()),
          top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
          text_offset: z.array(count),
        })
        .nullable(),
      finish_reason: finishReason
        .nullable()
        .meta({ description: 'Null in all but the last chunk.' }),
      ...choiceTokenIds,
      ...promptTokenIds,
    }),
  ),
  usage: usageSchema.nullable().optional(),
  metadata: metadata.optional(),
});

const outputTextSchema = z.strictObject({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.never()),
  logprobs: logprobEntries,
});

const outputItemSchema = z.union([
  z.strictObject({ type: z.literal('reasoning'), id: z.string(), summary: z.array(z.never()) }),
  z.strictObject({
    type: z.literal('message'),
    id: z.string(),
    role: z.literal('assistant'),
    status: z.enum(['in_progress', 'completed', 'incomplete']),
    content: z.array(outputTextSchema),
  }),
]);

export const responseSchema = z.strictObject({
  id: z.string().startsWith('resp_'),
  object: z.literal('response'),
  created_at: count,
  completed_at: count.nullable().meta({ description: 'Null unless the status is completed.' }),
  status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
  background: z.literal(false),
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  incomplete_details: z.strictObject({ reason: z.literal('max_output_tokens') }).nullable(),
  instructions: z.string().nullable(),
  frequency_penalty: z.number(),
  max_output_tokens: count.nullable(),
  max_tool_calls: z.int().nullable(),
  model: z.string(),
  output: z.array(outputItemSchema),
  parallel_tool_calls: z.literal(false),
  presence_penalty: z.number(),
  previous_response_id: z.null(),
  prompt_cache_key: z.string().nullable(),
  reasoning: z.strictObject({ effort: z.string().nullable(), summary: z.null() }),
  safety_identifier: z.string().nullable(),
  service_tier: z.literal('default'),
  store: z.literal(false),
  temperature: z.number(),
  text: z.strictObject({ format: textFormatSchema }),
  tool_choice: z.literal('none'),
  tools: z.array(z.never()),
  top_logprobs: count,
  top_p: z.number(),
  truncation: z.literal('disabled'),
  usage: z
    .strictObject({
      input_tokens: count,
      input_tokens_details: z.strictObject({ cached_tokens: count, cache_write_tokens: count }),
      output_tokens: count,
      output_tokens_details: z.strictObject({ reasoning_tokens: count }),
      total_tokens: count,
    })
    .nullable(),
  user: z.string().nullable(),
  metadata,
  timings: timingsSchema.optional(),
});

export const inputTokensSchema = z.strictObject({
  object: z.literal('response.input_tokens'),
  input_tokens: count,
});

const evaluationSchema = z.strictObject({
  data: z.string(),
  items: count,
  accuracy: z.number(),
  mean_thoughts: z.number(),
  mean_text_tokens: z.number(),
  cot_baseline: z
    .strictObject({ model: z.string(), accuracy: z.number(), mean_text_tokens: z.number() })
    .nullable(),
});

export const modelSchema = z.strictObject({
  id: z.string(),
  object: z.literal('model'),
  created: count,
  owned_by: z.string(),
  coconut: z.strictObject({
    method: z.string(),
    latent_thoughts: z.strictObject({ default: count, maximum: count }),
    word_steps: count,
    stop_head: z.boolean(),
    max_positions: count,
    reads: z.strictObject({ system: z.boolean(), earlier_turns: z.boolean() }),
    baseline_task: z.string().nullable(),
    evaluation: evaluationSchema.nullable(),
  }),
});

export const modelListSchema = z.strictObject({
  object: z.literal('list'),
  data: z.array(modelSchema),
});

export const tokensSchema = z.strictObject({
  tokens: z.array(count),
  count,
  max_model_len: count,
});

export const detokenizedSchema = z.strictObject({ prompt: z.string() });
