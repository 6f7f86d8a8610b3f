// Where the nodes of a ProsQA graph stand for one thought: which depths of the search it stands for, and which nodes
// are then the frontier, on a shortest path, reachable at all, or not. Pure.
import { distancesFrom, UNREACHED } from '../datasets/fact-graph.ts';
import type { ProsqaItem } from '../datasets/prosqa.ts';

/** optimal: of the frontier, those on a shortest path to the target. Each node is in one group only. */
export const nodeGroups = ['optimal', 'frontier', 'reachable', 'unreachable'] as const;

export type NodeGroup = (typeof nodeGroups)[number];

export type Pace = {
  thoughtsPerStep: number;
  /** Of frontier supervision; 1 without. */
  hopsPerThought: number;
};

/** Depths of the search that the k-th thought (from 1) stands for, first and last. */
export function depthsOf(k: number, { thoughtsPerStep, hopsPerThought }: Pace): [number, number] {
  if (hopsPerThought > 1) return [(k - 1) * hopsPerThought + 1, k * hopsPerThought];
  const depth = Math.ceil(k / thoughtsPerStep);
  return [depth, depth];
}

/** The group of each node for the search at depths `first` to `last`. */
export function groupNodes(
  { graph, root, target }: ProsqaItem,
  [first, last]: [number, number],
): NodeGroup[] {
  const down = distancesFrom(graph.children, root);
  const up = distancesFrom(graph.parents, target);
  const shortest = down[target]!;
  return down.map((depth, node) => {
    if (depth === UNREACHED) return 'unreachable';
    if (depth < first || depth > last) return 'reachable';
    return up[node] !== UNREACHED && depth + up[node]! === shortest ? 'optimal' : 'frontier';
  });
}
