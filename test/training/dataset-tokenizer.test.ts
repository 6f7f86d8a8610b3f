import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../src/model/tokenizer.ts';
import { buildTokenizer } from '../../src/training/dataset-tokenizer.ts';
import { readProsqa } from '../../src/training/datasets/prosqa.ts';
import { prosqaWordCounts } from '../../src/training/datasets/prosqa-words.ts';

const json = buildTokenizer(prosqaWordCounts(), ['<eos>', '<bot>', '<eot>']);
const tokenizer = loadTokenizer(json, {});

describe('the ProsQA tokenizer', () => {
  it.each([...prosqaWordCounts().keys()])('has one token for %j', (word) => {
    expect(tokenizer.encode(word)).toHaveLength(1);
  });

  it('splits published text into words and punctuation only', () => {
    for (const { example } of readProsqa('test/data/prosqa-sample.json', 'throw').items) {
      const text = `${example.question}\n${example.steps.join('\n')}\n### ${example.answer}`;
      const words = text.match(/ ?\w+|[.?\n]|###/g)!;
      expect(tokenizer.encode(text).map((id) => tokenizer.decode([id]))).toEqual(words);
    }
  });

  it('stays small, with the special tokens last', () => {
    expect(tokenizer.vocabSize).toBeLessThan(500);
    expect(tokenizer.specialId('<eos>')).toBe(tokenizer.vocabSize - 3);
    expect(tokenizer.specialId('<eot>')).toBe(tokenizer.vocabSize - 1);
  });
});
