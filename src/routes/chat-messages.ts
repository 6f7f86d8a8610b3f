// OpenAI's chat messages → the roles and plain text that a chat template takes.
import { z } from 'zod';
import { apiError } from '../errors.ts';
import type { TemplateMessage } from '../model/chat-template.ts';

const partSchema = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  refusal: z.string().optional(),
});

export const chatMessageSchema = z.looseObject({
  role: z.enum(['developer', 'system', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(partSchema)]).nullish(),
  tool_calls: z.array(z.unknown()).nullish(),
});

export type RequestMessage = z.output<typeof chatMessageSchema>;

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
    if (message.tool_calls?.length) {
      throw apiError('unsupported_value', {
        param: `${at}.tool_calls`,
        given: 'tool calls',
        supported: '[]',
      });
    }
    if (message.content == null && role !== 'assistant') {
      throw apiError('invalid_request', {
        param: `${at}.content`,
        message: `${at}.content: required for the role ${role}`,
      });
    }
    return { role, content: toText(message.content ?? '', at) };
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
