import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/random.ts';
import {
  distancesFrom,
  factGraph,
  frontiers,
  randomShortestPath,
  shortestPathCounts,
  UNREACHED,
} from '../../../src/training/datasets/fact-graph.ts';

// 0 -> {1, 2} -> 3 -> 5 and 0 -> 1 -> 4 -> 3: two shortest paths to 3, a longer one by 4; 6 is apart.
const graph = factGraph(7, [
  [0, 1],
  [0, 2],
  [1, 3],
  [2, 3],
  [1, 4],
  [4, 3],
  [3, 5],
]);

describe('fact graph', () => {
  it('measures hops to descendants and to ancestors', () => {
    expect(distancesFrom(graph.children, 0)).toEqual([0, 1, 1, 2, 2, 3, UNREACHED]);
    expect(distancesFrom(graph.parents, 5)).toEqual([3, 2, 2, 1, 2, 0, UNREACHED]);
  });

  it('lists the frontiers of a breadth-first search', () => {
    expect(frontiers(graph, 0)).toEqual([[0], [1, 2], [3, 4], [5]]);
    expect(frontiers(graph, 5)).toEqual([[5]]);
  });

  it('counts shortest paths only', () => {
    expect(shortestPathCounts(graph, 0)).toEqual([1, 1, 1, 2, 1, 2, 0]);
  });

  it('draws every shortest path equally often', () => {
    // 0 -> {1, 2} -> 3 -> 5 and 0 -> 4 -> 6 -> 5: two of the three shortest paths end with 3 -> 5.
    const uneven = factGraph(7, [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 3],
      [3, 5],
      [0, 4],
      [4, 6],
      [6, 5],
    ]);
    const random = new Random(1);
    const counts: Record<string, number> = {};
    for (let i = 0; i < 6000; i++) {
      const path = randomShortestPath(uneven, 0, 5, random).join('-');
      counts[path] = (counts[path] ?? 0) + 1;
    }
    expect(Object.keys(counts).sort()).toEqual(['0-1-3-5', '0-2-3-5', '0-4-6-5']);
    for (const count of Object.values(counts)) expect(Math.abs(count - 2000)).toBeLessThan(200);
  });

  it('names the nodes when there is no path', () => {
    expect(() => randomShortestPath(graph, 5, 0, new Random(1))).toThrow(
      'node 0 is not reachable from 5',
    );
  });
});
