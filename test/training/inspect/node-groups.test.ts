// Groups of the nodes of Tom → a → b → c, Tom → d → b, Tom → e, Ann → f; the target is c.
import { describe, expect, it } from 'vitest';
import { depthsOf, groupNodes } from '../../../src/training/inspect/node-groups.ts';
import { smallItem } from '../../support/small-item.ts';

describe('depthsOf', () => {
  it.each([
    [1, 1, 1, [1, 1]],
    [3, 1, 1, [3, 3]],
    [3, 2, 1, [2, 2]],
    [4, 2, 1, [2, 2]],
    [1, 1, 2, [1, 2]],
    [2, 1, 2, [3, 4]],
  ])(
    'thought %i at %i a step, %i hops a thought: %j',
    (k, thoughtsPerStep, hopsPerThought, depths) => {
      expect(depthsOf(k, { thoughtsPerStep, hopsPerThought })).toEqual(depths);
    },
  );
});

describe('groupNodes', () => {
  const { words } = smallItem;
  const of = (depths: [number, number]) =>
    Object.fromEntries(groupNodes(smallItem, depths).map((group, node) => [words[node], group]));

  it('parts frontier, shortest paths, and what is reachable at all', () => {
    expect(of([1, 1])).toEqual({
      Tom: 'reachable',
      a: 'optimal',
      b: 'reachable',
      c: 'reachable',
      d: 'optimal',
      e: 'frontier',
      Ann: 'unreachable',
      f: 'unreachable',
    });
    expect(of([3, 4])).toMatchObject({ c: 'optimal', a: 'reachable', e: 'reachable' });
  });
});
