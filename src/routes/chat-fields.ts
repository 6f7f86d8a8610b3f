// Every field of a chat request and what becomes of it: honoured, accepted without effect, or
// refused unless its value asks for nothing. Other fields are ignored, as OpenAI's server does.
import { z } from 'zod';
import { apiError } from '../errors.ts';
import { chatMessageSchema } from './chat-messages.ts';
import { samplingFields } from './sampling-fields.ts';

const maxMessages = 1024;
const metadataSchema = z
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
const chatRequestSchema = z.object({
  model: z.string().min(1).max(256),
  messages: z.array(chatMessageSchema).min(1).max(maxMessages),
  max_completion_tokens: z.int().min(1).nullish(),
  max_tokens: z.int().min(1).nullish(),
  ...samplingFields,
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  reasoning_effort: z.enum(reasoningEfforts).nullish(),
  latent_thoughts: z.int().min(0).nullish(),
  metadata: metadataSchema.nullish(),
});

export type ChatRequest = z.output<typeof chatRequestSchema>;

export const honouredFields = Object.keys(chatRequestSchema.shape);

/** None of these changes the text of an answer. */
export const acceptedFields = [
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
  'cache_salt',
  'store',
  'service_tier',
  'priority',
  'prediction',
  'parallel_tool_calls',
  'include_reasoning',
] as const;

const tools = 'These checkpoints were not trained to call tools.';

/** `neutral` lists the values that change nothing and so may be sent. */
export const refusedFields: Record<string, { neutral: readonly unknown[]; reason: string }> = {
  n: { neutral: [1], reason: 'One choice per request.' },
  return_token_ids: { neutral: [false], reason: 'Token ids are not returned.' },
  thinking_token_budget: { neutral: [], reason: 'Use latent_thoughts.' },
  response_format: { neutral: [{ type: 'text' }], reason: 'Decoding is not constrained.' },
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
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw apiError('invalid_request', {
      param: null,
      message: 'The request body must be a JSON object.',
    });
  }
  refuseUnsupported(body);
  const result = chatRequestSchema.safeParse(body);
  if (!result.success) {
    // A failed parse has at least one issue; OpenAI's error object has room for one.
    const [issue] = result.error.issues as [z.core.$ZodIssue];
    const param = fieldPath(issue.path);
    throw apiError('invalid_request', { param, message: `${param}: ${issue.message}` });
  }
  const { stream_options, stream, top_logprobs, logprobs } = result.data;
  if (stream_options && !stream) throw onlyWith('stream_options', 'stream: true');
  if (top_logprobs && !logprobs) throw onlyWith('top_logprobs', 'logprobs: true');
  return result.data;
}

function onlyWith(param: string, other: string) {
  return apiError('invalid_request', { param, message: `${param}: only allowed with ${other}` });
}

function refuseUnsupported(body: object): void {
  for (const [param, value] of Object.entries(body)) {
    const rule = Object.hasOwn(refusedFields, param) ? refusedFields[param] : undefined;
    if (!rule || value === null) continue;
    const allowed = rule.neutral.map((neutral) => JSON.stringify(neutral));
    if (allowed.includes(JSON.stringify(value))) continue;
    const { reason } = rule;
    if (allowed.length === 0) throw apiError('unsupported_parameter', { param, reason });
    // Lists and objects are not repeated: they may hold the caller's text.
    const given = typeof value === 'object' ? 'the given value' : JSON.stringify(value);
    const supported = `${allowed.join(', ')} (${reason})`;
    throw apiError('unsupported_value', { param, given: given.slice(0, 40), supported });
  }
}

/** ['messages', 0, 'content'] → messages[0].content */
function fieldPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`))
    .join('');
}
