import { describe, expect, it } from 'vitest';
import {
  ChatTemplateError,
  lastQuestionTemplate,
  parseChatTemplate,
  renderChat,
  type TemplateMessage,
} from '../../src/model/chat-template.ts';

const render = (template: string, messages: TemplateMessage[], extra = {}) =>
  renderChat(parseChatTemplate(template), messages, extra);
const user = (content: string): TemplateMessage => ({ role: 'user', content });
const assistant = (content: string): TemplateMessage => ({ role: 'assistant', content });
const system = (content: string): TemplateMessage => ({ role: 'system', content });

describe('lastQuestionTemplate', () => {
  it.each([
    ['one message', [user('Is Tom a lempus?')], 'Is Tom a lempus?\n'],
    ['surrounding space', [user('\n Is it? \n')], 'Is it?\n'],
    ['instructions', [system('Be brief.'), user('Is it?')], 'Is it?\n'],
    ['earlier turns', [user('One?'), assistant('Yes.'), user('Two?')], 'Two?\n'],
    ['an answer begun', [user('One?'), assistant('Ye')], 'One?\n'],
    ['template syntax in a message', [user('{{ 1 + 1 }} {% if %}')], '{{ 1 + 1 }} {% if %}\n'],
    ['several lines', [user('a\n\n  b')], 'a\n\n  b\n'],
  ])('%s', (_, messages, text) => {
    expect(render(lastQuestionTemplate, messages)).toBe(text);
  });

  it('says when there is no question', () => {
    expect(() => render(lastQuestionTemplate, [system('x')])).toThrow(ChatTemplateError);
    expect(() => render(lastQuestionTemplate, [])).toThrow(/there is no user message/);
  });
});

describe('renderChat', () => {
  it('gives the template roles, extra names and add_generation_prompt', () => {
    const template =
      '{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}{{ eos_token }}{{ add_generation_prompt }}';
    const text = render(template, [system('s'), user('u')], { eos_token: '<eos>' });
    expect(text).toBe('system=s;user=u;<eos>true');
  });

  it('reports broken templates and empty prompts', () => {
    expect(() => parseChatTemplate('{% if')).toThrow(ChatTemplateError);
    expect(() => render('{{ messages[0].content.nothing() }}', [user('u')])).toThrow(
      ChatTemplateError,
    );
    expect(() => render('{{ unknown }}', [user('u')])).toThrow(/1 messages give an empty prompt/);
  });
});
