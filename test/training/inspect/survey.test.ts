// Branches and inner products of one hand-made item.
import { describe, expect, it } from 'vitest';
import { branchesOf, productsOf } from '../../../src/training/inspect/survey.ts';
import { smallItem } from '../../support/small-item.ts';

const nowhere = Array(8).fill(0);
/** a, d and e are the first frontier; b alone the second, c the third. */
const first = [0, 0.4, 0.2, 0, 0.4, 0, 0, 0];
const second = [0, 0, 0.5, 0.25, 0, 0, 0.25, 0];

const surveyed = [
  {
    item: smallItem,
    values: { thought: [nowhere, first, second], step: [first, first, second], answer: [] },
    products: [[0, 2, 0, 0, 4, 1, -1, -3]],
  },
];

describe('branchesOf', () => {
  it('counts live branches of the frontier that a thought stands for', () => {
    const pace = { thoughtsPerStep: 1, hopsPerThought: 1 };
    const branches = branchesOf(surveyed, pace);
    expect(branches.map(({ readOut, thoughts }) => [readOut, thoughts])).toEqual([
      ['thought', 1],
      ['thought', 2],
      ['step', 0],
      ['step', 1],
      ['step', 2],
    ]);
    expect(branches[0]).toMatchObject({ items: 1, frontier: 3, alive: 2 });
    expect(branches[0]!.effective).toBeCloseTo(2, 10);
    expect(branches[0]!.mass).toBeCloseTo(0.8, 10);
    expect(branches[1]).toMatchObject({ frontier: 1, alive: 1, mass: 0.5 });
  });

  it('takes two depths together where a thought stands for two; the next step still is one on', () => {
    const branches = branchesOf(surveyed, { thoughtsPerStep: 1, hopsPerThought: 2 });
    expect(branches[0]).toMatchObject({ readOut: 'thought', frontier: 4, alive: 3 });
    expect(branches.find((b) => b.readOut === 'step' && b.thoughts === 2)).toMatchObject({
      frontier: 1,
    });
  });
});

it('productsOf has mean and spread by group', () => {
  const products = productsOf(surveyed, { thoughtsPerStep: 1, hopsPerThought: 1 });
  expect(products).toEqual([
    { thought: 1, group: 'optimal', nodes: 2, mean: 3, deviation: 1 },
    { thought: 1, group: 'frontier', nodes: 1, mean: 1, deviation: 0 },
    { thought: 1, group: 'reachable', nodes: 3, mean: 0, deviation: 0 },
    { thought: 1, group: 'unreachable', nodes: 2, mean: -2, deviation: 1 },
  ]);
});
