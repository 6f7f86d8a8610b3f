// Calculator annotations → steps, thousands separators, and that both published forms of a problem agree.
import { describe, expect, it } from 'vitest';
import {
  isCorrectNumber,
  parseJsonLine,
  parseTextLine,
} from '../../../src/training/datasets/gsm8k.ts';

describe('the published jsonl', () => {
  const line = (answer: string) => JSON.stringify({ question: 'How many?', answer });

  it('has its annotations as steps', () => {
    const answer = 'He has 48/2 = <<48/2=24>>24 clips.\nIn all $<<24*100=2400>>2,400.\n#### 2,400';
    const expected = {
      question: 'How many?',
      steps: ['<<48/2=24>>', '<<24*100=2400>>'],
      answer: '2400',
    };
    expect(parseJsonLine(line(answer))).toEqual(expected);
  });

  it('may do without: no steps', () => {
    expect(parseJsonLine(line('It is x.\n#### -1.5'))).toMatchObject({ steps: [], answer: '-1.5' });
  });

  it('must end in a number', () => {
    expect(() => parseJsonLine(line('So\n#### many'))).toThrow('answer "many" is no number');
  });
});

it('the text form of GSM8k-Aug reads the same', () => {
  const text = 'How many?||<<48/2=24>> <<24*.5=12>> #### 1,012';
  const expected = {
    question: 'How many?',
    steps: ['<<48/2=24>>', '<<24*.5=12>>'],
    answer: '1012',
  };
  expect(parseTextLine(text)).toEqual(expected);
  expect(() => parseTextLine('How many? #### 2')).toThrow('line has 0 "||"');
});

it('an answer with thousands separators is right', () => {
  const example = { question: '', steps: [], answer: '1012' };
  expect(isCorrectNumber(example, '<<1000+12=1012>>\n### 1,012')).toBe(true);
  expect(isCorrectNumber(example, '### 1,013')).toBe(false);
});
