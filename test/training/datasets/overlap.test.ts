// What is measured is not trained on.
import { describe, expect, it } from 'vitest';
import { withoutOverlap } from '../../../src/training/datasets/overlap.ts';

const ask = (question: string) => ({ question, steps: [], answer: '1' });
const training = [ask('How many apples,  in ALL?'), ask('2 * 3'), ask('2 + 3')];

describe('withoutOverlap', () => {
  const validation = [ask('how many apples in all'), ask('2 * 3')];

  it('refuses questions that differ in case, punctuation or spaces only, and counts them', () => {
    expect(() => withoutOverlap('train.txt', training, validation, 'refuse')).toThrow(
      /train\.txt: 2 of 3 training questions .*data\.overlap/,
    );
  });

  it('removes them if asked to, and nothing else', () => {
    expect(withoutOverlap('train.txt', training, validation, 'remove')).toEqual([ask('2 + 3')]);
    expect(withoutOverlap('train.txt', training, [], 'refuse')).toEqual(training);
  });

  it('does not go on with nothing', () => {
    expect(() => withoutOverlap('train.txt', training, training, 'remove')).toThrow(/all 3/);
  });
});
