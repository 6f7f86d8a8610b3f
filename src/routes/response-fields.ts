// Every field of POST /v1/responses that is served: one stateless turn. Items of earlier turns come
// in `input`; nothing is stored.
import { z } from 'zod';
import { apiError } from '../errors.ts';
import type { TemplateMessage } from '../model/chat-template.ts';
import { listOf } from './bounded-lists.ts';
import { cacheFields } from './cache-scope.ts';
import { maxMessages, metadataSchema, safetyIdentifierSchema } from './chat-fields.ts';
import { maxParts } from './chat-messages.ts';
import { latentFields, reasoningEfforts } from './latent-fields.ts';
import { refusedBeside } from './refused-fields.ts';
import { onlyWith, parseBody } from './request-body.ts';
import { textFormatSchema } from './response-format.ts';
import { samplingFields } from './sampling-fields.ts';

/** OpenAI's own. */
const maxTools = 128;

const textPartSchema = z.object({
  type: z.enum(['input_text', 'output_text', 'text', 'refusal']),
  text: z.string().optional(),
  refusal: z.string().optional(),
});

const messageItemSchema = z.object({
  type: z.literal('message').optional(),
  role: z.enum(['developer', 'system', 'user', 'assistant']),
  content: z.union([z.string(), listOf(textPartSchema, { max: maxParts })]),
});

/** Thoughts of an earlier turn have no text: the item is taken and left out. */
const reasoningItemSchema = z.object({ type: z.literal('reasoning') });

/** Null counts as absent everywhere. */
export const responseRequestSchema = z.object({
  model: z.string().min(1).max(256),
  input: z.union([
    z.string().min(1),
    listOf(z.union([messageItemSchema, reasoningItemSchema]), { min: 1, max: maxMessages }),
  ]),
  instructions: z.string().nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  ...samplingFields,
  include: listOf(z.string(), { max: 32 }).nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  stream: z.boolean().nullish(),
  reasoning: z.object({ effort: z.enum(reasoningEfforts).nullish() }).nullish(),
  text: z.object({ format: textFormatSchema.nullish(), verbosity: z.string().nullish() }).nullish(),
  ...latentFields,
  tools: listOf(z.looseObject({ type: z.string() }), { max: maxTools }).nullish(),
  ...cacheFields,
  metadata: metadataSchema.nullish(),
  // Repeated in the answer, and no more.
  safety_identifier: safetyIdentifierSchema.nullish(),
  user: z.string().nullish(),
  max_tool_calls: z.int().nullish(),
});

export type ResponseRequest = z.output<typeof responseRequestSchema>;

export const honouredResponseFields = Object.keys(responseRequestSchema.shape);

/** None of these changes the text of an answer. */
export const acceptedResponseFields = [
  'parallel_tool_calls',
  'prompt_cache_retention',
  'prompt_cache_options',
  'service_tier',
  'store',
  'stream_options',
] as const;

export const refusedResponseFields = refusedBeside(honouredResponseFields, {
  messages: 'input',
  prompt: 'input: prompt templates are not stored',
  max_tokens: 'max_output_tokens',
  max_completion_tokens: 'max_output_tokens',
  reasoning_effort: 'reasoning.effort',
  response_format: 'text.format',
  logprobs: 'include',
});

/** What asks for log probabilities. */
const logprobsInclude = 'message.output_text.logprobs';

/** Calls of these go to the client, which would wait for them; all others are the server's to make, or not. */
const clientTools = ['function', 'custom'];

/** Throws invalid_request, unsupported_parameter or unsupported_value, naming the field. */
export function parseResponseRequest(body: unknown): ResponseRequest {
  const request = parseBody(body, responseRequestSchema, refusedResponseFields);
  if (request.top_logprobs && !asksLogprobs(request)) {
    throw onlyWith('top_logprobs', `include: ["${logprobsInclude}"]`);
  }
  checkTools(request);
  checkVerbosity(request);
  return request;
}

function checkTools({ tools }: ResponseRequest): void {
  const at = tools?.findIndex(({ type }) => clientTools.includes(type)) ?? -1;
  if (at === -1) return;
  throw apiError('unsupported_value', {
    param: `tools[${at}].type`,
    given: `"${tools![at]!.type}"`,
    supported: 'none that the client is to call (These checkpoints were not trained to.)',
  });
}

function checkVerbosity({ text }: ResponseRequest): void {
  const given = text?.verbosity ?? 'medium';
  if (given === 'medium') return;
  throw apiError('unsupported_value', {
    param: 'text.verbosity',
    given: JSON.stringify(given.slice(0, 40)),
    supported: '"medium" (These checkpoints have one way to answer.)',
  });
}

const asksLogprobs = ({ include }: ResponseRequest) => include?.includes(logprobsInclude) ?? false;

/** How many of the likeliest ids each token tells of; null where no log probabilities are asked for. */
export function logprobsAsked(request: ResponseRequest): number | null {
  return asksLogprobs(request) ? (request.top_logprobs ?? 0) : null;
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
