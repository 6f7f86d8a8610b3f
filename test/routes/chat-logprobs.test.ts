import { describe, expect, it } from 'vitest';
import { toChatLogprobs } from '../../src/routes/chat-logprobs.ts';
import { byteTokenizer } from '../support/byte-tokenizer.ts';
import {
  ask,
  chunksOf,
  completionOf,
  FakeEngine,
  fakeApp,
  fakeModel,
  postChat,
  special,
} from '../support/fake-engine.ts';

const tokenizer = byteTokenizer();
const serve = (text: string) => fakeApp([fakeModel(new FakeEngine({ text }))]).app;

describe('the logprobs object', () => {
  it('has a token, its bytes and the likeliest ids', () => {
    const top = [{ tokenId: 0xc3, logprob: -1 }];
    const logprobs = toChatLogprobs([{ tokenId: 65, logprobs: { logprob: -2, top } }], tokenizer);
    expect(logprobs).toEqual({
      content: [
        {
          token: 'A',
          logprob: -2,
          bytes: [65],
          top_logprobs: [{ token: '\uFFFD', logprob: -1, bytes: [0xc3] }],
        },
      ],
      refusal: null,
    });
  });

  it('spells a special token', () => {
    const tokens = [{ tokenId: special.eos, logprobs: { logprob: -2, top: [] } }];
    expect(toChatLogprobs(tokens, tokenizer).content[0]?.token).toBe('<eos>');
  });

  it('is empty where there is no text', () => {
    expect(toChatLogprobs([], tokenizer)).toEqual({ content: [], refusal: null });
  });
});

describe('a completion with logprobs', () => {
  const asked = { logprobs: true, top_logprobs: 2 };

  it('has an entry per billed text token, in a stream as in a plain answer', async () => {
    const { choices, usage } = await completionOf(postChat(serve('### añ.'), ask(asked)));
    const content = choices[0]?.logprobs?.content ?? [];
    expect(content.map(({ token }) => token).join('')).toBe('### a\uFFFD\uFFFD.');
    expect(content.flatMap(({ bytes }) => bytes)).toEqual([...Buffer.from('### añ.')]);
    expect(content.every(({ top_logprobs }) => top_logprobs.length === 2)).toBe(true);
    expect(usage?.completion_tokens).toBe(6 + content.length);

    const chunks = await chunksOf(postChat(serve('### añ.'), ask({ ...asked, stream: true })));
    const streamed = chunks.flatMap((chunk) => chunk.choices[0]?.logprobs?.content ?? []);
    expect(streamed).toEqual(content);
  });

  it('tells of the tokens of a stop string, although their text is not shown', async () => {
    const body = ask({ ...asked, stop: ' is', stream: true });
    const chunks = await chunksOf(postChat(serve('Tom is a cat.'), body));
    const streamed = chunks.flatMap((chunk) => chunk.choices[0]?.logprobs?.content ?? []);
    expect(streamed.map(({ token }) => token).join('')).toBe('Tom is');
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
    expect(text).toBe('Tom');
  });
});
