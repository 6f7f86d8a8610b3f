// Directed acyclic graphs of facts ("every X is a Y" is an edge X -> Y): neighbours, distances, shortest paths.
// Knows nothing about words; nodes are indices.
import type { Random } from '../../random.ts';

export type Edge = [from: number, to: number];

export type FactGraph = {
  nodeCount: number;
  edges: Edge[];
  children: number[][];
  parents: number[][];
};

/** Distance of a node that cannot be reached. */
export const UNREACHED = -1;

export function factGraph(nodeCount: number, edges: Edge[]): FactGraph {
  const children: number[][] = Array.from({ length: nodeCount }, () => []);
  const parents: number[][] = Array.from({ length: nodeCount }, () => []);
  for (const [from, to] of edges) {
    children[from]!.push(to);
    parents[to]!.push(from);
  }
  return { nodeCount, edges, children, parents };
}

/** Hops from `start` to each node along `neighbours` (children: descendants; parents: ancestors), or UNREACHED. */
export function distancesFrom(neighbours: number[][], start: number): number[] {
  const distances: number[] = new Array(neighbours.length).fill(UNREACHED);
  distances[start] = 0;
  const queue = [start];
  for (const node of queue) {
    for (const next of neighbours[node]!) {
      if (distances[next] !== UNREACHED) continue;
      distances[next] = distances[node]! + 1;
      queue.push(next);
    }
  }
  return distances;
}

/** Nodes that lead to this one. */
export const ancestorCount = ({ parents }: FactGraph, node: number): number =>
  distancesFrom(parents, node).filter((distance) => distance > 0).length;

/** Nodes first reached after 0, 1, 2, … hops: the frontiers of a breadth-first search; [0] is [start]. */
export function frontiers(graph: FactGraph, start: number): number[][] {
  const levels: number[][] = [];
  distancesFrom(graph.children, start).forEach((distance, node) => {
    if (distance === UNREACHED) return;
    while (levels.length <= distance) levels.push([]);
    levels[distance]!.push(node);
  });
  return levels;
}

/** Number of shortest paths from `start` to each node; 0 where it cannot be reached. */
export function shortestPathCounts(graph: FactGraph, start: number): number[] {
  const counts: number[] = new Array(graph.nodeCount).fill(0);
  counts[start] = 1;
  const levels = frontiers(graph, start);
  levels.forEach((level, hop) => {
    const next = new Set(levels[hop + 1]);
    for (const node of level) {
      for (const child of graph.children[node]!) {
        if (next.has(child)) counts[child]! += counts[node]!;
      }
    }
  });
  return counts;
}

/** Nodes of one shortest path from `start` to `end`, both included, uniform over all of them. */
export function randomShortestPath(
  graph: FactGraph,
  start: number,
  end: number,
  random: Random,
): number[] {
  const distances = distancesFrom(graph.children, start);
  if (distances[end] === UNREACHED) throw new Error(`node ${end} is not reachable from ${start}`);
  const counts = shortestPathCounts(graph, start);
  const path = [end];
  for (let node = end; node !== start; ) {
    const before = graph.parents[node]!.filter((p) => distances[p] === distances[node]! - 1);
    node = before[random.weightedIndex(before.map((p) => counts[p]!))]!;
    path.unshift(node);
  }
  return path;
}
