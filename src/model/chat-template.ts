// Chat messages to the one text a checkpoint was trained on, through the Jinja template that the
// checkpoint carries. Special tokens that the template writes stay apart from text that merely spells
// them. Markers such as <bot> are not its business: prompt.ts adds them as ids.
import { Template } from '@huggingface/jinja';

/** Parsed once, rendered for every request. */
export type ChatTemplate = Template;

export type TemplateMessage = { role: 'system' | 'user' | 'assistant'; content: string };

/** Text as anybody may have written it, or a special token that only the template can have written. */
export type PromptPiece = { text: string } | { special: string };

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
export function parseChatTemplate(template: string): ChatTemplate {
  try {
    return new Template(template);
  } catch (cause) {
    throw new ChatTemplateError(`chat template: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Renders messages to prompt text. `extra` are further names the template may use, e.g. eos_token.
 * Throws ChatTemplateError if the template raises, or renders to nothing.
 */
export function renderChat(
  template: ChatTemplate,
  messages: readonly TemplateMessage[],
  extra: Record<string, unknown> = {},
): string {
  let text: string;
  try {
    text = template.render({ add_generation_prompt: true, ...extra, messages: [...messages] });
  } catch (cause) {
    throw new ChatTemplateError(`chat template: ${(cause as Error).message}`, { cause });
  }
  if (text === '') {
    throw new ChatTemplateError(`chat template: ${messages.length} messages give an empty prompt`);
  }
  return text;
}

/**
 * Whether the prompt depends on what a system message says, and on what was said before the last question. A
 * template that refuses such messages does not read them.
 */
export function templateReads(
  template: ChatTemplate,
  extra: Record<string, unknown> = {},
): { system: boolean; earlierTurns: boolean } {
  const question: TemplateMessage = { role: 'user', content: 'Question' };
  const differ = (before: (content: string) => TemplateMessage[]) => {
    try {
      const [one, other] = ['One', 'Other'].map((content) =>
        renderChat(template, [...before(content), question], extra),
      );
      return one !== other;
    } catch (error) {
      if (error instanceof ChatTemplateError) return false;
      throw error;
    }
  };
  return {
    system: differ((content) => [{ role: 'system', content }]),
    earlierTurns: differ((content) => [
      { role: 'user', content },
      { role: 'assistant', content: 'Answer' },
    ]),
  };
}

/**
 * renderChat, cut at the special tokens that the template wrote. Where a message spells one, it stays
 * text: a number between two characters that no message holds takes its place while rendering.
 */
export function renderChatPieces(
  template: ChatTemplate,
  messages: readonly TemplateMessage[],
  specials: readonly string[],
  extra: Record<string, unknown> = {},
): PromptPiece[] {
  if (specials.length === 0) return [{ text: renderChat(template, messages, extra) }];
  const mark = unusedCharacter(messages);
  // The longest first: one special token may begin another.
  const ordered = specials.toSorted((a, b) => b.length - a.length);
  const any = new RegExp(`(${ordered.map(escaped).join('|')})`, 'u');
  const hidden = messages.map(({ role, content }) => ({
    role,
    content: content
      .split(any)
      .map((part, i) => (i % 2 === 1 ? `${mark}${ordered.indexOf(part)}${mark}` : part))
      .join(''),
  }));
  const spelled = new RegExp(`${mark}(\\d+)${mark}`, 'gu');
  return renderChat(template, hidden, extra)
    .split(any)
    .map((part, i) => {
      if (i % 2 === 1) return { special: part };
      return { text: part.replace(spelled, (_, index) => ordered[Number(index)]!) };
    })
    .filter((piece) => 'special' in piece || piece.text !== '');
}

/** From Unicode's private use area, where texts seldom go. */
function unusedCharacter(messages: readonly TemplateMessage[]): string {
  const used = new Set(messages.flatMap(({ content }) => [...content]));
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const character = String.fromCharCode(code);
    if (!used.has(character)) return character;
  }
  throw new ChatTemplateError('chat template: the messages use all private characters of Unicode');
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
