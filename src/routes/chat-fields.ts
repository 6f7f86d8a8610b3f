// Every field of a chat request and what becomes of it: honoured, accepted without effect, or
// refused unless its value asks for nothing. Other fields are ignored, as OpenAI's server does.
import { z } from 'zod';
import { cacheFields } from './cache-scope.ts';
import { chatMessageSchema } from './chat-messages.ts';
import { latentAfterSchema } from './latent-after.ts';
import { latentStopSchema } from './latent-stop.ts';
import { onlyWith, parseBody, type RefusedFields } from './request-body.ts';
import { responseFormatSchema } from './response-format.ts';
import { samplingFields } from './sampling-fields.ts';

export const maxMessages = 1024;
export const metadataSchema = z
  .record(z.string().max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'takes at most 16 pairs');

/** OpenAI's seven efforts. */
export const reasoningEfforts = [
  'none',
  'minimal',
  'low',
  'medium',
  'high',
  'xhigh',
  'max',
] as const;

/** Null counts as absent everywhere. */
export const chatRequestSchema = z.object({
  model: z.string().min(1).max(256),
  messages: z.array(chatMessageSchema).min(1).max(maxMessages),
  max_completion_tokens: z.int().min(1).nullish(),
  max_tokens: z.int().min(1).nullish(),
  ...samplingFields,
  n: z.int().min(1).max(128).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  reasoning_effort: z.enum(reasoningEfforts).nullish(),
  latent_thoughts: z.int().min(0).nullish(),
  latent_after: latentAfterSchema.nullish(),
  latent_stop: latentStopSchema.nullish(),
  latent_trace: z.union([z.boolean(), z.object({ top_k: z.int().min(1).max(20) })]).nullish(),
  latent_control: z.enum(['zero', 'shuffle', 'noise']).nullish(),
  response_format: responseFormatSchema.nullish(),
  return_token_ids: z.boolean().nullish(),
  ...cacheFields,
  metadata: metadataSchema.nullish(),
});

export type ChatRequest = z.output<typeof chatRequestSchema>;

export const honouredFields = Object.keys(chatRequestSchema.shape);

/** None of these changes the text of an answer. */
export const acceptedFields = [
  'user',
  'safety_identifier',
  'prompt_cache_retention',
  'prompt_cache_options',
  'store',
  'service_tier',
  'priority',
  'prediction',
  'parallel_tool_calls',
  'include_reasoning',
] as const;

/** Other servers' names for what response_format and logit_bias do, or for what no caller may set. */
export const foreignFields: RefusedFields = {
  guided_json: { neutral: [], reason: 'Use response_format.' },
  guided_regex: { neutral: [], reason: 'Use response_format.' },
  guided_choice: { neutral: [], reason: 'Use response_format.' },
  guided_grammar: { neutral: [], reason: 'Use response_format.' },
  structured_outputs: { neutral: [], reason: 'Use response_format.' },
  bad_words: { neutral: [[]], reason: 'Use logit_bias.' },
  allowed_token_ids: { neutral: [], reason: 'Use logit_bias.' },
  chat_template: { neutral: [], reason: 'The template is the checkpoint’s.' },
  chat_template_kwargs: { neutral: [{}], reason: 'The template is the checkpoint’s.' },
};

const tools = 'These checkpoints were not trained to call tools.';

export const refusedFields: RefusedFields = {
  ...foreignFields,
  thinking_token_budget: { neutral: [], reason: 'Use latent_thoughts.' },
  tools: { neutral: [[]], reason: tools },
  tool_choice: { neutral: ['none', 'auto'], reason: tools },
  functions: { neutral: [[]], reason: tools },
  function_call: { neutral: ['none', 'auto'], reason: tools },
  modalities: { neutral: [['text']], reason: 'Answers are text.' },
  audio: { neutral: [], reason: 'Answers are text.' },
  web_search_options: { neutral: [], reason: 'There is no web search.' },
  moderation: { neutral: [], reason: 'There is no moderation.' },
  verbosity: { neutral: ['medium'], reason: 'These checkpoints have one way to answer.' },
};

/** Throws invalid_request, unsupported_parameter or unsupported_value, naming the field. */
export function parseChatRequest(body: unknown): ChatRequest {
  const request = parseBody(body, chatRequestSchema, refusedFields);
  const { stream_options, stream, top_logprobs, logprobs } = request;
  if (stream_options && !stream) throw onlyWith('stream_options', 'stream: true');
  if (top_logprobs && !logprobs) throw onlyWith('top_logprobs', 'logprobs: true');
  return request;
}
