// Means over examples, whatever the data set.
import { expect, it } from 'vitest';
import { chainMeasures, chainStatistics } from '../../../src/training/datasets/chain-statistics.ts';

it('counts steps and words per example', () => {
  const statistics = chainStatistics([
    { question: 'Is it so?', steps: ['a b', 'c'], answer: 'True' },
    { question: 'Is it?', steps: ['a', 'b', 'c', 'd'], answer: 'False' },
  ]);
  expect(statistics).toEqual({
    'reasoning steps': 3,
    'more than 3 steps (%)': 50,
    'question words': 2.5,
    'chain words': 3.5,
    'answer words': 1,
    'answer True (%)': 50,
  });
  expect(Object.keys(statistics)).toEqual(chainMeasures);
  expect(() => chainStatistics([])).toThrow('no examples');
});
