// Chat messages to the one text a checkpoint was trained on, through the Jinja template that the
// checkpoint carries. Markers such as <bot> are not its business: prompt.ts adds them as ids.
import { Template } from '@huggingface/jinja';

export type TemplateMessage = { role: 'system' | 'user' | 'assistant'; content: string };

/** The template is broken, or it refuses these messages. */
export class ChatTemplateError extends Error {
  override name = 'ChatTemplateError';
}

/**
 * Template of a question-answering checkpoint: the last user message and a newline, which is how a
 * question ends in the training data. Earlier turns and instructions are left out, because such a
 * checkpoint has seen neither and would be thrown off by them.
 */
export const lastQuestionTemplate = [
  "{%- set questions = messages | selectattr('role', 'equalto', 'user') | list -%}",
  "{%- if not questions -%}{{ raise_exception('there is no user message') }}{%- endif -%}",
  "{{ (questions | last).content | trim + '\\n' }}",
].join('');

/** Throws ChatTemplateError if the template does not parse. */
export function parseChatTemplate(template: string): Template {
  try {
    return new Template(template);
  } catch (cause) {
    throw new ChatTemplateError(`chat template: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Renders messages to prompt text. `extra` are further names the template may use, e.g. eos_token.
 * Throws ChatTemplateError if the template does not parse, raises, or renders to nothing.
 */
export function renderChat(
  template: string,
  messages: readonly TemplateMessage[],
  extra: Record<string, unknown> = {},
): string {
  const parsed = parseChatTemplate(template);
  let text: string;
  try {
    text = parsed.render({ add_generation_prompt: true, ...extra, messages: [...messages] });
  } catch (cause) {
    throw new ChatTemplateError(`chat template: ${(cause as Error).message}`, { cause });
  }
  if (text === '') {
    throw new ChatTemplateError(`chat template: ${messages.length} messages give an empty prompt`);
  }
  return text;
}
