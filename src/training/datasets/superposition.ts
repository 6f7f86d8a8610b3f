// Symbolic ProsQA of "Reasoning by superposition" (arXiv 2505.12514): the same graphs, with node numbers in
// place of words: `a b | c d | … [Q] x y [R] root`. Reads the published graphs; writes any ProsQA item that way.
import { z } from 'zod';
import type { Random } from '../../random.ts';
import { type Malformed, type Records, readJsonItems } from './dataset-file.ts';
import type { Example } from './example.ts';
import { distancesFrom, type Edge, type FactGraph, factGraph, frontiers } from './fact-graph.ts';
import { type ProsqaItem, parseProsqaItem } from './prosqa.ts';

/** Node numbers run below this: the published vocabulary's. */
export const NODE_COUNT = 31;

const neighboursSchema = z.object({
  neighbor_k: z.record(z.string().regex(/^\d+$/), z.array(z.int().min(0))),
});

/** Published order of edges and options; see toSymbolic for fresh orders. */
export function readSuperposition(file: string, malformed: Malformed): Records<Example> {
  return readJsonItems(file, malformed, (raw) => {
    const item = parseProsqaItem(raw);
    checkNeighbours(item, neighboursSchema.parse(raw).neighbor_k);
    const nodes = Array.from({ length: item.graph.nodeCount }, (_, node) => node);
    return symbolic(item, nodes, item.graph.edges, [item.target, item.distractor]);
  });
}

/** An item in fresh clothes: node numbers, edge order and option order drawn anew. */
export function toSymbolic(item: ProsqaItem, random: Random): Example {
  const numbers = random.shuffle(Array.from({ length: NODE_COUNT }, (_, number) => number));
  const edges = random.shuffle([...item.graph.edges]);
  return symbolic(item, numbers, edges, random.shuffle([item.target, item.distractor]));
}

function symbolic(
  { graph, words, example, root, target }: ProsqaItem,
  numbers: readonly number[],
  edges: FactGraph['edges'],
  options: readonly number[],
): Example {
  if (graph.nodeCount > numbers.length)
    throw new Error(`the graph has ${graph.nodeCount} nodes, numbers reach ${numbers.length}`);
  const number = (node: number): string => String(numbers[node]);
  const facts = edges.map(([from, to]) => `${number(from)} ${number(to)}`).join(' | ');
  const reached = example.steps.map((step) => words.indexOf(/(\w+)\.$/.exec(step)![1]!));
  return {
    question: `${facts} [Q] ${options.map(number).join(' ')} [R] ${number(root)}`,
    steps: reached.map(number),
    answer: number(target),
  };
}

/** neighbor_k holds, by hop, the nodes that lie on a shortest path from root to target. */
function checkNeighbours(
  { graph, root, target }: ProsqaItem,
  neighbours: Record<string, number[]>,
): void {
  const forth = distancesFrom(graph.children, root);
  const back = distancesFrom(graph.parents, target);
  const hops = forth[target]!;
  for (let k = 0; k <= hops; k++) {
    const expected = forth.flatMap((d, node) => (d === k && back[node] === hops - k ? [node] : []));
    const found = [...(neighbours[k] ?? [])].sort((a, b) => a - b);
    if (found.join() !== expected.join())
      throw new Error(`neighbor_k.${k} is [${found}], the graph says [${expected}]`);
  }
}

/** Nodes first reached after 1, 2, … hops from the root, as their numbers. */
export function symbolicFrontiers(question: string): string[][] {
  const [facts, , root] = question.split(/ \[[QR]\] /);
  if (root === undefined) throw new Error(`not a symbolic question: "${question.slice(-40)}"`);
  const edges = facts!.split(' | ').map((pair) => pair.split(' ').map(Number) as Edge);
  const levels = frontiers(factGraph(NODE_COUNT, edges), Number(root));
  return levels.slice(1).map((level) => level.map(String));
}

export function superpositionWordCounts(): Map<string, number> {
  const counts = new Map<string, number>([
    [' |', 30],
    [' [', 2],
    ['Q', 1],
    ['R', 1],
    [']', 2],
    ['\n', 5],
    ['###', 1],
  ]);
  for (let node = 0; node < NODE_COUNT; node++) counts.set(` ${node}`, 4).set(`${node}`, 1);
  return counts;
}
