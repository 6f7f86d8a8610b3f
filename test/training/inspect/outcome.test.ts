// Every outcome on one small graph: Tom → a → b → c, Tom → d → e → b, Tom → z; "Is Tom a c or z?"
import { describe, expect, it } from 'vitest';
import { factGraph } from '../../../src/training/datasets/fact-graph.ts';
import type { ProsqaItem } from '../../../src/training/datasets/prosqa.ts';
import { outcomeOf } from '../../../src/training/inspect/outcome.ts';

const words = ['Tom', 'a', 'b', 'c', 'd', 'e', 'z', 'Ann', 'q'];
const edges: [number, number][] = [
  [0, 1],
  [1, 2],
  [2, 3],
  [0, 4],
  [4, 5],
  [5, 2],
  [0, 6],
  [7, 8],
];
const item: ProsqaItem = {
  example: { question: '', steps: [], answer: 'Tom is a c.' },
  graph: factGraph(words.length, edges),
  words,
  root: 0,
  target: 3,
  distractor: 6,
};

const right = '### Tom is a c.';

describe('outcomeOf', () => {
  it.each([
    ['correct path', `Tom is a a.\nEvery a is a b.\nEvery b is a c.\n${right}`],
    ['correct path', `Every b is a c.\n${right}`],
    ['longer path', `Tom is a d.\nEvery d is a e.\nEvery e is a b.\nEvery b is a c.\n${right}`],
    ['longer path', `Every e is a b.\nEvery b is a c.\n${right}`],
    ['hallucination', `Tom is a a.\nEvery a is a c.\n${right}`],
    ['hallucination', `Tom is a a.\nEvery b is a c.\n${right}`],
    ['hallucination', `Every Ann is a q.\n### Tom is a q.`],
    ['hallucination', `Tom is a unicorn.\n${right}`],
    ['hallucination', `is a is a\n${right}`],
    ['wrong target', `Tom is a z.\n### Tom is a z.`],
    ['wrong target', `Tom is a a.\nEvery a is a b.\nEvery b is a c.\n### Tom is a z.`],
    ['correct label', right],
    ['incorrect label', '### Tom is a z.'],
    ['incorrect label', ''],
  ])('%s: %j', (outcome, text) => {
    expect(outcomeOf(item, text)).toBe(outcome);
  });
});
