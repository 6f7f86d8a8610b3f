// What a set of ProsQA items looks like in numbers, and how far shortcuts get on it that read no path at all.
// One table of measures; each is a mean over the items.
import {
  ancestorCount,
  distancesFrom,
  frontiers,
  shortestPathCounts,
  UNREACHED,
} from './fact-graph.ts';
import type { ProsqaItem } from './prosqa.ts';

/** An item with the searches that most measures need. */
type Searched = ProsqaItem & {
  /** Frontier sizes from the root; [0] is 1. */
  frontierSizes: number[];
  hops: number;
  shortestPaths: number;
};

type Measure = (item: Searched) => number;

/** Coconut paper (arXiv 2412.06769), appendix A.2: statistics of the ProsQA graphs. */
export const PAPER_STATISTICS: Partial<Record<MeasureName, number>> = {
  nodes: 23.0,
  edges: 36.0,
  hops: 3.8,
  'shortest paths': 1.6,
};

const measures = {
  nodes: ({ graph }) => graph.nodeCount,
  edges: ({ graph }) => graph.edges.length,
  names: ({ graph }) => graph.parents.filter((parents) => parents.length === 0).length,
  hops: ({ hops }) => hops,
  'hops = 3 (%)': ({ hops }) => percent(hops === 3),
  'hops = 4 (%)': ({ hops }) => percent(hops === 4),
  'hops = 5 (%)': ({ hops }) => percent(hops === 5),
  'hops = 6 (%)': ({ hops }) => percent(hops === 6),
  'shortest paths': ({ shortestPaths }) => shortestPaths,
  'in-degree 0 (% of nodes)': (item) => inDegreePercent(item, (degree) => degree === 0),
  'in-degree 1 (% of nodes)': (item) => inDegreePercent(item, (degree) => degree === 1),
  'in-degree 2 (% of nodes)': (item) => inDegreePercent(item, (degree) => degree === 2),
  'in-degree 3 (% of nodes)': (item) => inDegreePercent(item, (degree) => degree === 3),
  'in-degree 4+ (% of nodes)': (item) => inDegreePercent(item, (degree) => degree >= 4),
  'root out-degree': ({ graph, root }) => graph.children[root]!.length,
  'reachable nodes': ({ frontierSizes }) => frontierSizes.reduce((sum, size) => sum + size, -1),
  'reachable leaves': (item) => reachableLeaves(item),
  'frontier after 1 hop': ({ frontierSizes }) => frontierSizes[1] ?? 0,
  'frontier after 2 hops': ({ frontierSizes }) => frontierSizes[2] ?? 0,
  'frontier after 3 hops': ({ frontierSizes }) => frontierSizes[3] ?? 0,
  'frontier after 4 hops': ({ frontierSizes }) => frontierSizes[4] ?? 0,
  'frontier after 5 hops': ({ frontierSizes }) => frontierSizes[5] ?? 0,
  'target in-degree': ({ graph, target }) => graph.parents[target]!.length,
  'distractor in-degree': ({ graph, distractor }) => graph.parents[distractor]!.length,
  'shortcut "lower in-degree" right (%)': (item) =>
    shortcutPercent(item, ({ graph }, option) => -graph.parents[option]!.length),
  'shortcut "more ancestors" right (%)': (item) =>
    shortcutPercent(item, ({ graph }, option) => ancestorCount(graph, option)),
} satisfies Record<string, Measure>;

export type MeasureName = keyof typeof measures;
export type ProsqaStatistics = Record<MeasureName, number>;

export const measureNames = Object.keys(measures) as MeasureName[];

/** Mean of every measure over the items; throws when there are none. */
export function prosqaStatistics(items: readonly ProsqaItem[]): ProsqaStatistics {
  if (items.length === 0) throw new Error('no items to measure');
  const searched = items.map(search);
  const entries = measureNames.map((name) => {
    const measure: Measure = measures[name];
    return [name, searched.reduce((sum, item) => sum + measure(item), 0) / searched.length];
  });
  return Object.fromEntries(entries);
}

function search(item: ProsqaItem): Searched {
  const { graph, root, target } = item;
  return {
    ...item,
    frontierSizes: frontiers(graph, root).map((level) => level.length),
    hops: distancesFrom(graph.children, root)[target]!,
    shortestPaths: shortestPathCounts(graph, root)[target]!,
  };
}

const percent = (condition: boolean) => (condition ? 100 : 0);

function inDegreePercent({ graph }: Searched, matches: (degree: number) => boolean): number {
  const matching = graph.parents.filter((parents) => matches(parents.length)).length;
  return (100 * matching) / graph.nodeCount;
}

function reachableLeaves({ graph, root }: Searched): number {
  const distances = distancesFrom(graph.children, root);
  return distances.filter((d, node) => d !== UNREACHED && graph.children[node]!.length === 0)
    .length;
}

/** Choosing the option with the higher score; a tie is a coin flip. */
function shortcutPercent(item: Searched, score: (item: Searched, option: number) => number) {
  const lead = score(item, item.target) - score(item, item.distractor);
  return lead === 0 ? 50 : percent(lead > 0);
}
