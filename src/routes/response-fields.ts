// Every field of POST /v1/responses that is served: one stateless turn. Items of earlier turns come
// in `input`; nothing is stored.
import { z } from 'zod';
import { apiError } from '../errors.ts';
import type { TemplateMessage } from '../model/chat-template.ts';
import { cacheFields } from './cache-scope.ts';
import { maxMessages, metadataSchema, reasoningEfforts } from './chat-fields.ts';
import { parseBody, type RefusedFields } from './request-body.ts';
import { textFormatSchema } from './response-format.ts';

const textPartSchema = z.object({
  type: z.enum(['input_text', 'output_text', 'text', 'refusal']),
  text: z.string().optional(),
  refusal: z.string().optional(),
});

const messageItemSchema = z.object({
  type: z.literal('message').optional(),
  role: z.enum(['developer', 'system', 'user', 'assistant']),
  content: z.union([z.string(), z.array(textPartSchema)]),
});

/** Thoughts of an earlier turn have no text: the item is taken and left out. */
const reasoningItemSchema = z.object({ type: z.literal('reasoning') });

/** Null counts as absent everywhere. */
export const responseRequestSchema = z.object({
  model: z.string().min(1).max(256),
  input: z.union([
    z.string().min(1),
    z
      .array(z.union([messageItemSchema, reasoningItemSchema]))
      .min(1)
      .max(maxMessages),
  ]),
  instructions: z.string().nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  stream: z.boolean().nullish(),
  reasoning: z.object({ effort: z.enum(reasoningEfforts).nullish() }).nullish(),
  text: z.object({ format: textFormatSchema.nullish(), verbosity: z.string().nullish() }).nullish(),
  latent_thoughts: z.int().min(0).nullish(),
  ...cacheFields,
  metadata: metadataSchema.nullish(),
});

export type ResponseRequest = z.output<typeof responseRequestSchema>;

export const honouredResponseFields = Object.keys(responseRequestSchema.shape);

/** None of these changes the text of an answer. */
export const acceptedResponseFields = [
  'include',
  'max_tool_calls',
  'parallel_tool_calls',
  'prompt_cache_retention',
  'prompt_cache_options',
  'safety_identifier',
  'service_tier',
  'store',
  'stream_options',
  'user',
] as const;

const stateless = 'Responses are not stored: send the earlier turns in input.';
const tools = 'These checkpoints were not trained to call tools.';

export const refusedResponseFields: RefusedFields = {
  previous_response_id: { neutral: [], reason: stateless },
  conversation: { neutral: [], reason: stateless },
  background: { neutral: [false], reason: stateless },
  prompt: { neutral: [], reason: 'Prompt templates are not stored.' },
  truncation: { neutral: ['disabled'], reason: 'Input is never cut.' },
  top_logprobs: { neutral: [0], reason: 'Use /v1/chat/completions.' },
  tools: { neutral: [[]], reason: tools },
  tool_choice: { neutral: ['none', 'auto'], reason: tools },
};

/** Throws invalid_request, unsupported_parameter or unsupported_value, naming the field. */
export function parseResponseRequest(body: unknown): ResponseRequest {
  const request = parseBody(body, responseRequestSchema, refusedResponseFields);
  const given = request.text?.verbosity ?? 'medium';
  if (given === 'medium') return request;
  throw apiError('unsupported_value', {
    param: 'text.verbosity',
    given: JSON.stringify(given.slice(0, 40)),
    supported: '"medium" (These checkpoints have one way to answer.)',
  });
}

/** instructions come first, as the system's message. */
export function toMessages({ input, instructions }: ResponseRequest): TemplateMessage[] {
  const system: TemplateMessage[] = instructions ? [{ role: 'system', content: instructions }] : [];
  if (typeof input === 'string') return [...system, { role: 'user', content: input }];
  const messages = input.flatMap((item, i): TemplateMessage[] => {
    if (!('role' in item)) return [];
    const role = item.role === 'developer' ? 'system' : item.role;
    return [{ role, content: toText(item.content, `input[${i}]`) }];
  });
  return [...system, ...messages];
}

function toText(content: z.output<typeof messageItemSchema>['content'], at: string): string {
  if (typeof content === 'string') return content;
  const texts = content.map((part, j) => {
    const text = part.type === 'refusal' ? part.refusal : part.text;
    if (text !== undefined) return text;
    throw apiError('invalid_request', {
      param: `${at}.content[${j}]`,
      message: `${at}.content[${j}]: a part of type ${part.type} needs its text`,
    });
  });
  return texts.join('');
}
