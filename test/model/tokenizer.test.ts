import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteAlphabet, loadTokenizer } from '../../src/model/tokenizer.ts';
import { byteTokenizer, byteTokenizerJson } from '../support/byte-tokenizer.ts';

const specials = ['<eos>', '<bot>', '<eot>'];

/** Merges over several letters, a merged space, and a special that is also in the vocabulary. */
function mergingJson() {
  const json = byteTokenizerJson(specials);
  const merges: [string, string][] = [
    ['b', 'o'],
    ['bo', 't'],
    ['<', 'bot'],
    ['<bot', '>'],
    ['Ġ', 'a'],
    ['a', 'b'],
    ["'", 's'],
    ['1', '2'],
  ];
  const vocab: Record<string, number> = { ...json.model.vocab, '<bot>': 257 };
  let next = 256 + specials.length;
  for (const [left, right] of merges) vocab[left + right] ??= next++;
  return { ...json, model: { ...json.model, vocab, merges } };
}

/** Any code points, and joints between words, marks, merges and halves of surrogate pairs. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        'ab',
        ' a',
        "'s",
        ' ',
        '\n',
        '\t',
        '12',
        '<bot>',
        '<eos>',
        'é',
        '🥥',
        '\ud83e',
        '\u00a0',
      ),
    )
    .map((parts) => parts.join('')),
);

describe('encode', () => {
  const json = mergingJson();
  const unsplit = { ...json.pre_tokenizer, use_regex: false };
  it.each([
    ['words', json],
    ['whole texts, in which merges spell <bot>', { ...json, pre_tokenizer: unsplit }],
    [
      'whole texts, looked up in a vocabulary that has <bot>',
      {
        ...json,
        pre_tokenizer: unsplit,
        model: { ...json.model, merges: [], ignore_merges: true },
      },
    ],
  ])('never yields a special token from %s, and loses nothing', (_, tokenizerJson) => {
    const tokenizer = loadTokenizer(tokenizerJson, {});
    const check = (written: string) => {
      const ids = tokenizer.encode(written);
      expect(ids.some((id) => tokenizer.isSpecial(id))).toBe(false);
      expect(tokenizer.decode(ids)).toBe(Buffer.from(written).toString());
    };
    for (const written of ['<bot>', ' <bot>', 'a<eot>b', '<eos><eos>']) check(written);
    fc.assert(fc.property(text, check));
  });

  it('is word by word what the library gives for the whole text', () => {
    const tokenizer = loadTokenizer(json, {});
    const whole = new HubTokenizer({ ...json, added_tokens: [] }, {});
    fc.assert(
      fc.property(text, (written) => {
        expect(tokenizer.encode(written)).toEqual(whole.encode(written).ids);
      }),
      { numRuns: 1000 },
    );
  });

  it('adds nothing, whatever the post-processor says', () => {
    const post_processor = {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '<bot>', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
      ],
      pair: [],
    };
    const tokenizer = loadTokenizer({ ...byteTokenizerJson(specials), post_processor }, {});
    expect(tokenizer.encode('ab')).toEqual([97, 98]);
    expect(tokenizer.encode('')).toEqual([]);
  });

  it('gives out a fresh list each time', () => {
    const tokenizer = byteTokenizer();
    tokenizer.encode('ab').push(1);
    expect(tokenizer.encode('ab')).toEqual([97, 98]);
  });
});

describe('decode', () => {
  it('returns any well-formed text unchanged, spaces before punctuation included', () => {
    const tokenizer = byteTokenizer();
    expect(tokenizer.decode(tokenizer.encode("a . b , do n't ?"))).toBe("a . b , do n't ?");
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (written) => {
        expect(tokenizer.decode(tokenizer.encode(written))).toBe(written);
      }),
    );
  });

  it('skips specials, marks unfinished characters, names unknown ids', () => {
    const tokenizer = byteTokenizer();
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.decode([257, 97, 256])).toBe('a');
    expect(tokenizer.decode(tokenizer.encode('é').slice(0, 1))).toBe('\ufffd');
    expect(() => tokenizer.decode([97, 900])).toThrow(/900 is not in 0\.\.258/);
  });
});

describe('vocabulary', () => {
  it('answers for special tokens', () => {
    const tokenizer = byteTokenizer();
    expect(tokenizer.vocabSize).toBe(259);
    expect(tokenizer.specialId('<bot>')).toBe(257);
    expect(tokenizer.specialId('a')).toBeNull();
    expect(tokenizer.isSpecial(258)).toBe(true);
    expect(tokenizer.isSpecial(97)).toBe(false);
    expect(tokenizer.tokenOf(256)).toBe('<eos>');
  });

  it('has 256 distinct byte symbols', () => {
    expect(new Set(byteAlphabet()).size).toBe(256);
    expect(byteAlphabet()[32]).toBe('Ġ');
    expect(byteAlphabet()[10]).toBe('Ċ');
  });

  it('refuses collisions, gaps, missing bytes and other models', () => {
    const json = byteTokenizerJson(specials);
    const [eos, bot] = json.added_tokens;
    const withAdded = (added_tokens: object[]) => ({ ...json, added_tokens });
    expect(() => loadTokenizer(withAdded([{ ...eos, id: 97 }]), {})).toThrow(
      /97 .*"a" and "<eos>"/,
    );
    expect(() => loadTokenizer(withAdded([{ ...bot, id: 300 }]), {})).toThrow(/256 of 301/);
    const { a: _, ...vocab } = json.model.vocab;
    expect(() => loadTokenizer({ ...json, model: { ...json.model, vocab } }, {})).toThrow(/97/);
    expect(() => loadTokenizer({ ...json, model: { ...json.model, type: 'Unigram' } }, {})).toThrow(
      /BPE/,
    );
  });
});
