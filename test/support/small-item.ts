// A ProsQA item small enough to work out by hand: Tom → a → b → c, Tom → d → b, Tom → e, Ann → f.
import { factGraph } from '../../src/training/datasets/fact-graph.ts';
import type { ProsqaItem } from '../../src/training/datasets/prosqa.ts';

export const smallItem: ProsqaItem = {
  example: { question: 'Is Tom a c or f?', steps: [], answer: 'Tom is a c.' },
  graph: factGraph(8, [
    [0, 1],
    [1, 2],
    [2, 3],
    [0, 4],
    [4, 2],
    [0, 5],
    [6, 7],
  ]),
  words: ['Tom', 'a', 'b', 'c', 'd', 'e', 'Ann', 'f'],
  root: 0,
  target: 3,
  distractor: 7,
};
