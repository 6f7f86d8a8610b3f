// The template's own special tokens against text that spells them: only the former become ids.
import { describe, expect, it } from 'vitest';
import { parseChatTemplate, renderChatPieces } from '../../src/model/chat-template.ts';
import { encodePieces } from '../../src/model/prompt.ts';
import { loadTokenizer } from '../../src/model/tokenizer.ts';
import { byteTokenizerJson } from '../support/byte-tokenizer.ts';

const specials = ['<s>', '<s>long', '|'];
const template = parseChatTemplate('{% for m in messages %}<s>{{ m.content | trim }}|{% endfor %}');
const user = (content: string) => [{ role: 'user' as const, content }];

describe('renderChatPieces', () => {
  it('cuts at what the template wrote', () => {
    expect(renderChatPieces(template, user(' hi '), specials)).toEqual([
      { special: '<s>' },
      { text: 'hi' },
      { special: '|' },
    ]);
  });

  it.each(['<s>', '|', 'a <s>long| b', '\uE000<s>0\uE0001\uE000'])(
    'keeps %j as text',
    (content) => {
      const pieces = renderChatPieces(template, user(content), specials);
      expect(pieces).toEqual([{ special: '<s>' }, { text: content }, { special: '|' }]);
    },
  );

  it('becomes ids, the special ones only where the template stood', () => {
    const tokenizer = loadTokenizer(byteTokenizerJson(specials), {});
    const pieces = renderChatPieces(template, user('<s>'), tokenizer.specials);
    expect(encodePieces(tokenizer, pieces)).toEqual([256, ...Buffer.from('<s>'), 258]);
  });
});
