// Where an answer stands in a generated text, and when it is right.
import { describe, expect, it } from 'vitest';
import { isCorrect } from '../../../src/training/datasets/answer.ts';

describe('isCorrect', () => {
  const example = { question: 'Is Tom a wumpus or zumpus?', steps: [], answer: 'Tom is a wumpus.' };
  it.each([
    ['Tom is a wumpus.', true],
    ['### Tom is a wumpus.\n', true],
    ['Tom is a impus.\n### nothing\n### Tom is a wumpus.', true],
    ['### Tom is a wumpus. ### Tom is a zumpus.', false],
    ['Tom is a wumpus', false],
    ['So Tom is a wumpus.', false],
    ['Tom is a wumpus.\n### ', false],
    ['', false],
  ])('judges %j as %s', (text, expected) => {
    expect(isCorrect(example, text)).toBe(expected);
  });
});
