// The search tree of one question, drawn once for each number of thoughts: what the root reaches, depth by depth, each
// node as full as it is probable.
import * as Plot from '@observablehq/plot';
import { distancesFrom, factGraph, UNREACHED } from '../datasets/fact-graph.ts';
import type { ReadOut, SearchTree } from '../inspect/inspection.ts';
import { type Chart, plotSvg, seriesColors } from './plot-svg.ts';

type Placed = { node: number; x: number; y: number };

const [probable, wrong, right] = seriesColors as [string, string, string];

/** What a node's outline says. */
export const nodeStyles = [
  { name: 'probability (area filled)', color: probable, dash: 'none' },
  { name: 'right option', color: right, dash: 'none' },
  { name: 'wrong option', color: wrong, dash: 'none' },
];

/** In pixels; a row has a node and its label above it. */
const HEIGHT_PER_ROW = 42;
const RADIUS = 7;
/** Degrees by which an edge within a column bows, past the nodes between its ends. */
const BEND = 50;
/** Below this a probability is not written out. */
const TOLD = 0.01;

export function drawSearchTrees(tree: SearchTree, readOut: ReadOut): Chart[] {
  const places = layOut(tree);
  return (tree.values[readOut] ?? []).flatMap((probabilities, thoughts) => {
    if (readOut === 'thought' && thoughts === 0) return [];
    const title = `after ${thoughts} ${thoughts === 1 ? 'thought' : 'thoughts'}`;
    return [{ title, svg: drawTree(title, tree, places, probabilities) }];
  });
}

/**
 * Columns by depth; within a column by the mean place of the parents, so that few edges cross. What the root does not
 * reach is left out, but for the wrong option, which stands below.
 */
export function layOut({ words, edges, root, distractor }: SearchTree): Placed[] {
  const graph = factGraph(words.length, edges);
  const depths = distancesFrom(graph.children, root);
  const deepest = Math.max(...depths);
  const placed = new Map<number, Placed>();
  for (let x = 0; x <= deepest; x++) {
    const column = depths.flatMap((depth, node) => (depth === x ? [node] : []));
    const parentPlace = (node: number): number => {
      const ys = graph.parents[node]!.flatMap((parent) => placed.get(parent)?.y ?? []);
      return ys.length === 0 ? 0 : ys.reduce((sum, y) => sum + y, 0) / ys.length;
    };
    column.sort((a, b) => parentPlace(a) - parentPlace(b));
    column.forEach((node, i) => {
      placed.set(node, { node, x, y: i - (column.length - 1) / 2 });
    });
  }
  const lowest = Math.max(...[...placed.values()].map(({ y }) => y));
  if (depths[distractor] === UNREACHED)
    placed.set(distractor, { node: distractor, x: deepest, y: lowest + 1 });
  return [...placed.values()];
}

function drawTree(
  title: string,
  { words, edges, target, distractor }: SearchTree,
  places: readonly Placed[],
  probabilities: readonly number[],
): string {
  const at = new Map(places.map((place) => [place.node, place]));
  const links = edges.flatMap(([from, to]) => {
    const [source, end] = [at.get(from), at.get(to)];
    return source && end ? [{ x1: source.x, y1: source.y, x2: end.x, y2: end.y }] : [];
  });
  const nodes = places.map(({ node, x, y }) => {
    const p = probabilities[node]!;
    const outline = node === target ? right : node === distractor ? wrong : 'currentColor';
    const label = p >= TOLD ? `${words[node]} ${p.toFixed(2)}` : words[node];
    return { x, y, radius: RADIUS * Math.sqrt(p), outline, label };
  });
  const ys = places.map(({ y }) => y);
  const rows = Math.max(...ys) - Math.min(...ys) + 1;
  return plotSvg(title, {
    height: HEIGHT_PER_ROW * rows + 4,
    marginTop: 30,
    marginBottom: 16,
    marginLeft: 48,
    marginRight: 48,
    x: { axis: null },
    y: { axis: null, reverse: true },
    r: { type: 'identity' },
    marks: [
      edgeMark(
        links.filter(({ x1, x2 }) => x1 !== x2),
        0,
      ),
      edgeMark(
        links.filter(({ x1, x2 }) => x1 === x2),
        BEND,
      ),
      Plot.dot(nodes, { x: 'x', y: 'y', r: RADIUS, fill: 'var(--paper)' }),
      Plot.dot(nodes, { x: 'x', y: 'y', r: 'radius', fill: probable }),
      Plot.dot(nodes, { x: 'x', y: 'y', r: RADIUS, stroke: 'outline', strokeWidth: 1.5 }),
      Plot.text(nodes, {
        x: 'x',
        y: 'y',
        text: 'label',
        dy: -15,
        fill: 'currentColor',
        stroke: 'var(--paper)',
        strokeWidth: 4,
      }),
    ],
  });
}

type Link = { x1: number; y1: number; x2: number; y2: number };

const edgeMark = (links: readonly Link[], bend: number): Plot.Markish =>
  Plot.arrow(links, {
    x1: 'x1',
    y1: 'y1',
    x2: 'x2',
    y2: 'y2',
    strokeOpacity: 0.4,
    inset: RADIUS + 1,
    headLength: 6,
    bend,
  });
