// Means over many items: how many branches of the search are alive after each thought, and how thoughts lie to the
// embeddings of the nodes. Pure.
import { distancesFrom } from '../datasets/fact-graph.ts';
import type { ProsqaItem } from '../datasets/prosqa.ts';
import { mean } from '../statistics.ts';
import {
  type Branches,
  type Products,
  type ReadOut,
  readOuts,
  type SearchTree,
} from './inspection.ts';
import { depthsOf, groupNodes, type NodeGroup, nodeGroups, type Pace } from './node-groups.ts';

/** A branch with this share of the frontier's probability is alive. */
const ALIVE = 0.1;

export type SurveyedItem = {
  item: ProsqaItem;
  values: SearchTree['values'];
  /** For each thought the inner product with each node's embedding. */
  products: number[][];
};

export function branchesOf(surveyed: readonly SurveyedItem[], pace: Pace): Branches[] {
  return readOuts.flatMap((readOut) => {
    const counts = surveyed[0]?.values[readOut]?.length ?? 0;
    return Array.from({ length: counts }, (_, thoughts) => thoughts).flatMap((thoughts) => {
      const frontiers = surveyed.flatMap(({ item, values }) => {
        const nodes = nodesWithin(item, searched(readOut, thoughts, pace));
        return nodes.length === 0 ? [] : [nodes.map((node) => values[readOut]![thoughts]![node]!)];
      });
      const isRead = thoughts > 0 || readOut !== 'thought';
      return isRead && frontiers.length > 0 ? [summary(thoughts, readOut, frontiers)] : [];
    });
  });
}

function summary(thoughts: number, readOut: ReadOut, frontiers: readonly number[][]): Branches {
  const sums = frontiers.map((frontier) => frontier.reduce((sum, p) => sum + p, 0));
  return {
    thoughts,
    readOut,
    items: frontiers.length,
    frontier: mean(frontiers.map(({ length }) => length)),
    alive: mean(frontiers.map((ps, i) => ps.filter((p) => p >= ALIVE * sums[i]!).length)),
    effective: mean(frontiers.map((ps, i) => Math.exp(entropy(ps.map((p) => p / sums[i]!))))),
    mass: mean(sums),
  };
}

export function productsOf(surveyed: readonly SurveyedItem[], pace: Pace): Products[] {
  const thoughts = surveyed[0]?.products.length ?? 0;
  return Array.from({ length: thoughts }, (_, k) => k + 1).flatMap((thought) => {
    const byGroup = new Map<NodeGroup, number[]>(nodeGroups.map((group) => [group, []]));
    for (const { item, products } of surveyed) {
      groupNodes(item, depthsOf(thought, pace)).forEach((group, node) => {
        byGroup.get(group)!.push(products[thought - 1]![node]!);
      });
    }
    return [...byGroup].flatMap(([group, values]) => {
      if (values.length === 0) return [];
      const center = mean(values);
      const deviation = Math.sqrt(mean(values.map((value) => (value - center) ** 2)));
      return [{ thought, group, nodes: values.length, mean: center, deviation }];
    });
  });
}

/** Without a thought, and in the step that comes next, a search stands where the curriculum has it. */
function searched(readOut: ReadOut, thoughts: number, pace: Pace): [number, number] {
  if (thoughts === 0) return [1, 1];
  return depthsOf(thoughts, readOut === 'step' ? { ...pace, hopsPerThought: 1 } : pace);
}

/** Nodes that the search first reaches at one of the depths. */
function nodesWithin({ graph, root }: ProsqaItem, [first, last]: [number, number]): number[] {
  const distances = distancesFrom(graph.children, root);
  return distances.flatMap((depth, node) => (depth >= first && depth <= last ? [node] : []));
}

function entropy(shares: readonly number[]): number {
  return shares.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}
