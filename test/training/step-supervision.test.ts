// What each thought is asked for: the words that a breadth-first search holds at its depth.
import { describe, expect, it } from 'vitest';
import { collate } from '../../src/training/collate.ts';
import type { ExampleGroup } from '../../src/training/datasets/example.ts';
import { addThoughtTargets } from '../../src/training/step-supervision.ts';
import { loadTrainingData } from '../../src/training/training-data.ts';
import { tinyRun } from '../support/tiny-run.ts';

const data = loadTrainingData(tinyRun());
const V = data.tokenizer.vocabSize;

/** Tom → lempus, rompus; lempus → gorpus. Bob → impus, and no further. */
const group: ExampleGroup = {
  context: 'Tom is a lempus. Every lempus is a gorpus. Bob is a impus. Tom is a rompus.',
  examples: [
    { question: ' Is Tom a gorpus or impus?', steps: [], answer: 'Tom is a gorpus.' },
    { question: ' Is Bob a gorpus or impus?', steps: [], answer: 'Bob is a impus.' },
  ],
};

const staged = (thoughts: number) => ({
  questionIds: [1],
  written: 0,
  thoughts,
  tailIds: [2, 3],
  unlabelled: 1,
});
const single = { context: 1, question: 1, tail: 1 };

function targetsOf(thoughts: number, hopsPerThought: number) {
  const examples = group.examples.map(() => staged(thoughts));
  const batch = collate([{ contextIds: [1], examples }], single);
  addThoughtTargets(batch, [group], data, tinyRun({ hopsPerThought }));
  const { data: values, dims } = batch.feeds['thought_targets']!;
  expect(dims).toEqual([2, thoughts, V]);
  expect(batch.shape.objectives).toEqual(['frontier']);
  /** Words with their share at thought k of row b. */
  return (b: number, k: number) => {
    const row = Array.from(
      values.slice((b * thoughts + k) * V, (b * thoughts + k + 1) * V),
      Number,
    );
    return Object.fromEntries(
      row.flatMap((share, id) => (share > 0 ? [[data.tokenizer.decode([id]), share]] : [])),
    );
  };
}

describe('thought targets', () => {
  it('share 1 / rows among the words of one depth', () => {
    const at = targetsOf(3, 1);
    expect(at(0, 0)).toEqual({ ' lempus': 0.25, ' rompus': 0.25 });
    expect(at(0, 1)).toEqual({ ' gorpus': 0.5 });
    expect(at(1, 0)).toEqual({ ' impus': 0.5 });
  });

  it('are empty where the search has nothing left', () => {
    const at = targetsOf(3, 1);
    expect([at(0, 2), at(1, 1), at(1, 2)]).toEqual([{}, {}, {}]);
  });

  it('are of words that are one token each', () => {
    const vocabulary = { ...data.vocabulary, encode: (text: string) => [...text].map(() => 7) };
    const batch = collate([{ contextIds: [1], examples: [staged(1), staged(1)] }], single);
    expect(() => addThoughtTargets(batch, [group], { ...data, vocabulary }, tinyRun({}))).toThrow(
      'the word "lempus" is 7 tokens',
    );
  });

  it('add up where two of the words are one token', () => {
    const vocabulary = { ...data.vocabulary, encode: () => [7] };
    const batch = collate([{ contextIds: [1], examples: [staged(1), staged(1)] }], single);
    addThoughtTargets(batch, [group], { ...data, vocabulary }, tinyRun({}));
    expect(batch.feeds['thought_targets']!.data[7]).toBeCloseTo(1 / 2, 6);
  });

  it('take several depths together when a thought stands for several hops', () => {
    const at = targetsOf(1, 2);
    const shares = at(0, 0);
    expect(Object.keys(shares).sort()).toEqual([' gorpus', ' lempus', ' rompus']);
    for (const share of Object.values(shares)) expect(share).toBeCloseTo(1 / 6, 6);
    expect(at(1, 0)).toEqual({ ' impus': 0.5 });
  });
});
