// Every field of a chat request and what becomes of it: honoured, accepted without effect, or
// refused unless its value asks for nothing. Other fields are ignored, as OpenAI's server does.
import { z } from 'zod';
import { listOf, recordOf } from './bounded-lists.ts';
import { cacheFields } from './cache-scope.ts';
import { chatMessageSchema } from './chat-messages.ts';
import { latentFields, reasoningEfforts } from './latent-fields.ts';
import { refusedBeside } from './refused-fields.ts';
import { onlyWith, parseBody } from './request-body.ts';
import { responseFormatSchema } from './response-format.ts';
import { samplingFields } from './sampling-fields.ts';

export const maxMessages = 1024;
export const metadataSchema = recordOf(z.string().max(64), z.string().max(512), {
  max: 16,
  unit: 'pairs',
});

/** Whom the request is for: without effect but for its length, which is OpenAI's. */
export const safetyIdentifierSchema = z.string().max(64);

/** Null counts as absent everywhere. */
export const chatRequestSchema = z.object({
  model: z.string().min(1).max(256),
  messages: listOf(chatMessageSchema, { min: 1, max: maxMessages }),
  max_completion_tokens: z.int().min(1).nullish(),
  max_tokens: z.int().min(1).nullish(),
  ...samplingFields,
  n: z.int().min(1).max(128).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  reasoning_effort: z.enum(reasoningEfforts).nullish(),
  ...latentFields,
  latent_trace: z.union([z.boolean(), z.object({ top_k: z.int().min(1).max(20) })]).nullish(),
  response_format: responseFormatSchema.nullish(),
  return_token_ids: z.boolean().nullish(),
  ...cacheFields,
  metadata: metadataSchema.nullish(),
  safety_identifier: safetyIdentifierSchema.nullish(),
});

export type ChatRequest = z.output<typeof chatRequestSchema>;

export const honouredFields = Object.keys(chatRequestSchema.shape);

/** None of these changes the text of an answer. */
export const acceptedFields = [
  'user',
  'prompt_cache_retention',
  'prompt_cache_options',
  'store',
  'service_tier',
  'priority',
  'prediction',
  'parallel_tool_calls',
  'max_tool_calls',
  'include_reasoning',
] as const;

export const refusedFields = refusedBeside(honouredFields, {
  prompt: 'messages',
  input: 'messages',
  instructions: 'a message of the role system',
  max_output_tokens: 'max_completion_tokens',
  reasoning: 'reasoning_effort',
  text: 'response_format',
  include: 'logprobs',
  best_of: 'n',
});

/** Throws invalid_request, unsupported_parameter or unsupported_value, naming the field. */
export function parseChatRequest(body: unknown): ChatRequest {
  const request = parseBody(body, chatRequestSchema, refusedFields);
  const { stream_options, stream, top_logprobs, logprobs } = request;
  if (stream_options && !stream) throw onlyWith('stream_options', 'stream: true');
  if (top_logprobs != null && !logprobs) throw onlyWith('top_logprobs', 'logprobs: true');
  return request;
}
