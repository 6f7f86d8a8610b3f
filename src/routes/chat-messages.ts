// OpenAI's chat messages → the roles and plain text that a chat template takes.
import { z } from 'zod';
import { apiError } from '../errors.ts';
import type { TemplateMessage } from '../model/chat-template.ts';
import { listOf } from './bounded-lists.ts';

/** Of one message; more than any client splits a text into. */
export const maxParts = 1024;

const partSchema = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  refusal: z.string().optional(),
});

export const chatMessageSchema = z.looseObject({
  role: z.enum(['developer', 'system', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), listOf(partSchema, { max: maxParts })]).nullish(),
  refusal: z.string().nullish(),
  tool_calls: z.array(z.unknown()).nullish(),
  function_call: z.unknown().optional(),
  audio: z.unknown().optional(),
});

export type RequestMessage = z.output<typeof chatMessageSchema>;

/** Parts of an assistant's message that are no text, and what may stand there. */
const textless = [
  ['tool_calls', '[]'],
  ['function_call', 'null'],
  ['audio', 'null'],
] as const;

const isEmptyList = (value: unknown) => Array.isArray(value) && value.length === 0;

/** Throws unsupported_value for tool messages and for parts that are not text. */
export function toTemplateMessages(messages: readonly RequestMessage[]): TemplateMessage[] {
  return messages.map((message, i) => {
    const at = `messages[${i}]`;
    // Templates know the role by its older name.
    const role = message.role === 'developer' ? 'system' : message.role;
    if (role === 'tool' || role === 'function') {
      throw apiError('unsupported_value', {
        param: `${at}.role`,
        given: `"${role}"`,
        supported: 'developer, system, user, assistant',
      });
    }
    for (const [field, supported] of textless) {
      if (!message[field] || isEmptyList(message[field])) continue;
      throw apiError('unsupported_value', {
        param: `${at}.${field}`,
        given: 'the given value',
        supported,
      });
    }
    if (message.content == null && role !== 'assistant') {
      throw apiError('invalid_request', {
        param: `${at}.content`,
        message: `${at}.content: required for the role ${role}`,
      });
    }
    // What the model would not say stands in a field of its own there.
    const said = message.content ?? (role === 'assistant' ? message.refusal : null) ?? '';
    return { role, content: toText(said, at) };
  });
}

/** Parts are joined as they are: a caller who wants a line break between two sends one. */
function toText(content: NonNullable<RequestMessage['content']>, at: string): string {
  if (typeof content === 'string') return content;
  return content
    .map((part, j) => {
      if (part.type === 'text' && part.text !== undefined) return part.text;
      if (part.type === 'refusal' && part.refusal !== undefined) return part.refusal;
      throw apiError('unsupported_value', {
        param: `${at}.content[${j}].type`,
        given: JSON.stringify(part.type.slice(0, 40)),
        supported: 'text parts with a text',
      });
    })
    .join('');
}
