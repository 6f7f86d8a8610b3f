// Random graphs as ProsQA draws them: Algorithm 1 of the Coconut paper (arXiv 2412.06769, appendix A.2), with what the
// paper leaves open fitted to the published items (docs/data.md says how). Words and questions are not its business.
import type { Random } from '../../random.ts';
import { type Edge, type FactGraph, factGraph } from './fact-graph.ts';

/** Which of the two seed nodes (0 and 1) a node descends from; bits, so that parents' lineages are OR-ed. */
export const LINEAGE = { neither: 0, first: 1, second: 2, both: 3 } as const;

export type LineageGraph = { graph: FactGraph; lineage: number[] };

/** What a kind of graph is drawn by. */
export type GraphShape = {
  /** Mean of the Poisson number of parents. */
  meanParents: number;
  /** Chance that a node's parents come from the first seed's own descendants, or from the second's; else from all. */
  firstLineageChance: number;
  secondLineageChance: number;
  /** A parent at depth d weighs 1 + depthWeight · d: deeper nodes are likelier parents, which makes chains long. */
  depthWeight: number;
};

export const PUBLISHED_SHAPE: GraphShape = {
  meanParents: 1.5,
  firstLineageChance: 0.35,
  secondLineageChance: 0.45,
  depthWeight: 1.5,
};

/**
 * Draws a graph of at most `nodeCount` nodes, seeds first, parents before children; nodes without any edge are
 * dropped. Undefined when a seed has no child, since then nothing can be asked about it.
 */
export function drawLineageGraph(
  random: Random,
  nodeCount: number,
  shape: GraphShape,
): LineageGraph | undefined {
  const edges: Edge[] = [];
  const lineage: number[] = [LINEAGE.first, LINEAGE.second];
  const depth = [0, 0]; // hops from the nearest parentless ancestor
  for (let child = 2; child < nodeCount; child++) {
    const candidates = parentCandidates(random, lineage, shape);
    const parents = drawParents(random, candidates, depth, shape);
    for (const parent of parents) edges.push([parent, child]);
    lineage.push(parents.reduce((bits, parent) => bits | lineage[parent]!, LINEAGE.neither));
    depth.push(parents.length === 0 ? 0 : 1 + Math.min(...parents.map((p) => depth[p]!)));
  }
  return withoutIsolated(nodeCount, edges, lineage);
}

function parentCandidates(
  random: Random,
  lineage: number[],
  { firstLineageChance, secondLineageChance }: GraphShape,
): number[] {
  const draw = random.uniform();
  const wanted =
    draw < firstLineageChance
      ? LINEAGE.first
      : draw < firstLineageChance + secondLineageChance
        ? LINEAGE.second
        : undefined;
  const nodes = lineage.map((_, node) => node);
  return wanted === undefined ? nodes : nodes.filter((node) => lineage[node] === wanted);
}

/** Weighted draw without replacement. */
function drawParents(
  random: Random,
  candidates: number[],
  depth: number[],
  { meanParents, depthWeight }: GraphShape,
): number[] {
  const count = Math.min(candidates.length, random.poisson(meanParents));
  const weights = candidates.map((node) => 1 + depthWeight * depth[node]!);
  return Array.from({ length: count }, () => {
    const index = random.weightedIndex(weights);
    weights[index] = 0;
    return candidates[index]!;
  });
}

function withoutIsolated(
  nodeCount: number,
  edges: Edge[],
  lineage: number[],
): LineageGraph | undefined {
  const isParent = new Set(edges.map(([from]) => from));
  if (!isParent.has(0) || !isParent.has(1)) return undefined;
  const connected = new Set(edges.flat());
  const newIndex = new Map<number, number>();
  for (let node = 0; node < nodeCount; node++) {
    if (connected.has(node)) newIndex.set(node, newIndex.size);
  }
  const kept = edges.map(([from, to]): Edge => [newIndex.get(from)!, newIndex.get(to)!]);
  return {
    graph: factGraph(newIndex.size, kept),
    lineage: [...newIndex.keys()].map((node) => lineage[node]!),
  };
}
