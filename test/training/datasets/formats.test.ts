// Every row of the table of data sets on published samples: what is read, what is refused and how it is named,
// which answers are right.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DataKind, dataKinds, formats } from '../../../src/training/datasets/formats.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const sample = (name: string): string => join(import.meta.dirname, '../../data', name);

const samples: Record<
  DataKind,
  [file: string, items: number, brokenLine: string, reason: RegExp][]
> = {
  prosqa: [['prosqa-sample.json', 20, '{"question": "Who?"}', /item 1: .*answer/s]],
  prontoqa: [
    [
      'prontoqa-sample.json',
      20,
      '{"question": "Who?", "steps": ["a", "b"], "answer": "True"}',
      /item 1: question has 0 "True or false:"/,
    ],
  ],
  superposition: [['superposition-sample.json', 8, '{"question": "Who?"}', /item 1: .*answer/s]],
  gsm8k: [
    [
      'gsm8k-sample.jsonl',
      6,
      '{"question": "Who?", "answer": "Me."}',
      /line 2: answer has 0 "####"/,
    ],
    ['gsm8k-aug-sample.txt', 6, 'Who?||<<1+1=2>> two #### 2', /line 2: step "two" is not written/],
  ],
  multiplication: [['multiplication-sample.txt', 12, '2 * 3||6 #### 7', /line 2: .*makes/]],
};

const cases = dataKinds.flatMap((kind) => samples[kind].map((row) => [kind, ...row] as const));

describe.each(cases)('%s: %s', (kind, name, count, broken, reason) => {
  const { read, isCorrect } = formats[kind];
  const file = sample(name);

  it('is read whole', () => {
    const { items, skipped } = read(file, 'throw');
    expect(items).toHaveLength(count);
    expect(skipped).toEqual([]);
    for (const { question, steps, answer } of items) {
      expect(question).not.toBe('');
      expect(answer).not.toBe('');
      expect(steps.length).toBeGreaterThan(0);
    }
  });

  it('names file, place and reason of a malformed record, and keeps the rest if asked to', () => {
    const path = join(temporaryDirectory(), name);
    const isList = name.endsWith('.json');
    writeFileSync(path, isList ? `[null, ${broken}]` : `\n${broken}\n`);
    const { items, skipped } = read(path, 'skip');
    expect(items).toEqual([]);
    expect(skipped.at(-1)!.message).toMatch(reason);
    expect(skipped.at(-1)!.message).toContain(path);
    expect(() => read(path, 'throw')).toThrow(path);
  });

  it('takes the answer after the marker and no other', () => {
    const [example] = read(file, 'throw').items;
    const chain = example!.steps.join('\n');
    expect(isCorrect(example!, `${chain}\n### ${example!.answer}`)).toBe(true);
    expect(isCorrect(example!, `${chain}\n### ${example!.answer} 1`)).toBe(false);
    expect(isCorrect(example!, chain)).toBe(false);
  });
});

it('a file that is not there is named', () => {
  for (const kind of dataKinds)
    expect(() => formats[kind].read('no/such.json', 'skip')).toThrow('no/such.json: whole file: ');
});
