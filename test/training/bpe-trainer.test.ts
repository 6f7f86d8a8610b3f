import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../src/model/tokenizer.ts';
import { trainBpe } from '../../src/training/bpe-trainer.ts';

const words = new Map([
  [' low', 5],
  [' lower', 2],
  [' newest', 6],
  [' widest', 3],
]);

describe('trainBpe', () => {
  it('merges the most frequent pair first, ties by code unit', () => {
    const { model } = trainBpe({ wordCounts: words, maxVocabSize: 260, specialTokens: [] });
    // es and st: 9 each; then est: 9; then (space)l: 7, as l-o and o-w, but Ġ sorts last.
    expect(model.merges).toEqual([
      ['e', 's'],
      ['es', 't'],
      ['l', 'o'],
      ['lo', 'w'],
    ]);
    expect(Object.keys(model.vocab)).toHaveLength(260);
    expect(model.vocab).toHaveProperty('est', 257);
  });

  it('stops when every word is one token', () => {
    const json = trainBpe({ wordCounts: words, maxVocabSize: 1000, specialTokens: ['<eos>'] });
    const size = Object.keys(json.model.vocab).length;
    expect(size).toBe(256 + json.model.merges.length);
    expect(size).toBeLessThan(290);
    expect(json.added_tokens).toMatchObject([{ id: size, content: '<eos>', special: true }]);
    const tokenizer = loadTokenizer(json, {});
    for (const word of words.keys()) expect(tokenizer.encode(word)).toHaveLength(1);
  });

  it('encodes any Unicode text and gets it back', () => {
    const json = trainBpe({ wordCounts: words, maxVocabSize: 300, specialTokens: ['<eos>'] });
    const tokenizer = loadTokenizer(json, {});
    const roundTrip = (text: string) => tokenizer.decode(tokenizer.encode(text));
    for (const text of ['🥥 coconut 👩‍👩‍👧 ', '  two\n\n\tlines ', '你好, Straße', '<eos>']) {
      expect(roundTrip(text)).toBe(text);
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(roundTrip(text)).toBe(text);
      }),
    );
  });

  it('refuses what cannot work, with the numbers', () => {
    const train =
      (wordCounts: Map<string, number>, maxVocabSize: number, specials: string[]) => () =>
        trainBpe({ wordCounts, maxVocabSize, specialTokens: specials });
    expect(train(words, 255, [])).toThrow('255 has no room for the 256 bytes');
    expect(train(new Map([['two words', 1]]), 300, [])).toThrow('"two words" is 2 pre-tokens');
    expect(train(words, 300, ['<a>', '<a>'])).toThrow('"<a>" is already');
    expect(train(words, 300, ['est'])).toThrow('"est" is already');
  });
});
