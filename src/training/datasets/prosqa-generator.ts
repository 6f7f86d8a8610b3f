// Fresh ProsQA: names for a random graph, its text, and questions, groups of questions or walks over it.
// All randomness comes from the given Random: the same seed draws the same items.
import type { Random } from '../../random.ts';
import type { Example, ExampleGroup } from './example.ts';
import { distancesFrom, type FactGraph, randomShortestPath } from './fact-graph.ts';
import { factsKey, type ProsqaItem } from './prosqa.ts';
import {
  drawLineageGraph,
  type GraphShape,
  LINEAGE,
  type LineageGraph,
  PUBLISHED_SHAPE,
} from './prosqa-dag.ts';
import { answerSentence, CONCEPTS, factSentence, NAMES, querySentence } from './prosqa-words.ts';

export type ProsqaOptions = {
  /** Nodes drawn per graph, uniform in [min, max]; about a fifth end up without edges and are dropped. */
  nodes: { min: number; max: number };
  /** Length of the shortest path from root to target, in edges. */
  hops: { min: number; max: number };
  /** factsKey of graphs that must not be generated: those of the validation items. */
  excluded: ReadonlySet<string>;
  /** As the published graphs, unless it says otherwise. */
  shape?: GraphShape;
};

/** Sizes whose statistics match the published items. */
export const PROSQA_SIZES = {
  nodes: { min: 28, max: 28 },
  hops: { min: 3, max: 6 },
} as const;

type Question = { root: number; target: number; distractor: number; hops: number };
type NamedGraph = { graph: FactGraph; words: string[]; context: string; questions: Question[] };

const SEEDS = [0, 1] as const;
const MAX_ATTEMPTS = 10_000;

/**
 * How much likelier each further hop makes a target to be picked for a group. The published questions ask about the
 * deepest leaf only. With 6, groups of 8 have 50, 36, 11 and 3% of 3, 4, 5 and 6 hops (published: 41, 44, 12, 2), and
 * three groups in four still ask about more than one target.
 */
const GROUP_HOP_FACTOR = 6;

/** What is wrong with sizes that no graph can have; null where some can. */
export function impossibleSizes({
  nodes,
  hops,
}: Pick<ProsqaOptions, 'nodes' | 'hops'>): string | null {
  const mostNodes = CONCEPTS.length + SEEDS.length;
  if (!(1 <= hops.min && hops.min <= hops.max))
    return `ProsQA hops must be 1 <= min <= max, got ${hops.min} to ${hops.max}`;
  if (nodes.min <= nodes.max && nodes.max <= mostNodes && nodes.min > hops.min + 2) return null;
  return (
    `ProsQA graphs of ${nodes.min} to ${nodes.max} nodes: need more than hops.min + 2 = ` +
    `${hops.min + 2} and at most ${mostNodes}, the number of words`
  );
}

export class ProsqaGenerator {
  readonly #random: Random;
  readonly #options: ProsqaOptions;

  constructor(random: Random, options: ProsqaOptions) {
    const problem = impossibleSizes(options);
    if (problem !== null) throw new RangeError(problem);
    this.#random = random;
    this.#options = options;
  }

  /** One question on one graph, chosen as the published ones are: about the deepest leaf that only one seed reaches. */
  next(): ProsqaItem {
    // With a deeper leaf than permitted, the deepest permitted one would make an easier item than the published.
    const named = this.#drawNamed(this.#options.hops.max);
    const { graph, words, context, questions } = named;
    const mostHops = Math.max(...questions.map((q) => q.hops));
    const { root } = questions.findLast((q) => q.hops === mostHops)!;
    const deepest = questions.filter((q) => q.root === root && q.hops === mostHops);
    const question = this.#random.pick(deepest);
    const { query, ...rest } = this.#ask(named, question);
    const { target, distractor } = question;
    return {
      example: { question: context + query, ...rest },
      graph,
      words,
      root,
      target,
      distractor,
    };
  }

  /**
   * Several questions on one graph, about both seeds where both have a long enough path. Before a target is asked about with the same distractor again, it
   * has been asked about with every other one; a repeated question draws option order and shortest path anew.
   */
  nextGroup(questionCount: number): ExampleGroup {
    const named = this.#drawNamed(Number.POSITIVE_INFINITY);
    const decks = [...byTarget(this.#random.shuffle(named.questions)).values()];
    const weights = decks.map(([question]) => GROUP_HOP_FACTOR ** question!.hops);
    const examples = Array.from({ length: questionCount }, (): Example => {
      const deck = decks[this.#random.weightedIndex(weights)]!;
      const question = deck.shift()!;
      deck.push(question);
      const { query, ...rest } = this.#ask(named, question);
      return { question: query, ...rest };
    });
    return { context: named.context, examples };
  }

  /**
   * Random walks over one graph, to teach recall of its edges: each row starts at a node with successors and goes on
   * until a leaf or `length` edges. Question and answer are empty.
   */
  nextWalks(rowCount: number, length: number): ExampleGroup {
    const { graph, words, context } = this.#drawNamed(Number.POSITIVE_INFINITY);
    const starts = graph.children.flatMap((next, node) => (next.length > 0 ? [node] : []));
    const examples = Array.from({ length: rowCount }, (): Example => {
      const path = this.#walk(graph, this.#random.pick(starts), length);
      return { question: '', steps: pathSentences(path, words), answer: '' };
    });
    return { context, examples };
  }

  /** A graph that has questions of permitted length, and none longer than `longest` hops. */
  #drawNamed(longest: number): NamedGraph {
    const { nodes, hops, shape } = this.#options;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const nodeCount = nodes.min + this.#random.int(nodes.max - nodes.min + 1);
      const lineageGraph = drawLineageGraph(this.#random, nodeCount, shape ?? PUBLISHED_SHAPE);
      if (lineageGraph === undefined) continue;
      const possible = possibleQuestions(lineageGraph);
      if (possible.some((q) => q.hops > longest)) continue;
      const questions = possible.filter((q) => q.hops >= hops.min && q.hops <= hops.max);
      if (questions.length === 0) continue;
      const text = this.#text(lineageGraph.graph);
      if (text !== undefined) return { graph: lineageGraph.graph, questions, ...text };
    }
    throw new Error(
      `no graph of ${nodes.min} to ${nodes.max} nodes fitted questions of ${hops.min} to ` +
        `${hops.max} hops in ${MAX_ATTEMPTS} attempts`,
    );
  }

  /** Words for the nodes and the shuffled facts; undefined if names run out or the graph is excluded. */
  #text(graph: FactGraph): { words: string[]; context: string } | undefined {
    const names = this.#random.shuffle<string[]>([...NAMES]);
    const concepts = this.#random.shuffle<string[]>([...CONCEPTS]);
    if (graph.parents.filter((p) => p.length === 0).length > names.length) return undefined;
    const words = graph.parents.map((p) => (p.length === 0 ? names.pop()! : concepts.pop()!));
    const facts = graph.edges.map(([from, to]) => factSentence(words[from]!, words[to]!));
    const { excluded } = this.#options;
    if (excluded.size > 0 && excluded.has(factsKey(facts))) return undefined;
    return { words, context: this.#random.shuffle(facts).join(' ') };
  }

  #ask({ graph, words }: NamedGraph, { root, target, distractor }: Question) {
    const options: [string, string] = [words[target]!, words[distractor]!];
    const path = randomShortestPath(graph, root, target, this.#random);
    return {
      query: querySentence(words[root]!, this.#random.shuffle(options)),
      steps: pathSentences(path, words),
      answer: answerSentence(words[root]!, words[target]!),
    };
  }

  #walk(graph: FactGraph, start: number, length: number): number[] {
    const path = [start];
    for (let node = start; path.length <= length && graph.children[node]!.length > 0; ) {
      node = this.#random.pick(graph.children[node]!);
      path.push(node);
    }
    return path;
  }
}

/** Every pair of a leaf that only one seed reaches and a leaf that only the other one does, asked about the former. */
function possibleQuestions({ graph, lineage }: LineageGraph): Question[] {
  const leaves = SEEDS.map((seed) => ownLeaves(graph, lineage, seed));
  return SEEDS.flatMap((root) => {
    const distances = distancesFrom(graph.children, root);
    return leaves[root]!.flatMap((target) =>
      leaves[1 - root]!.map((distractor) => ({
        root,
        target,
        distractor,
        hops: distances[target]!,
      })),
    );
  });
}

function byTarget(questions: Question[]): Map<number, Question[]> {
  const decks = new Map<number, Question[]>();
  for (const question of questions) {
    const deck = decks.get(question.target);
    if (deck === undefined) decks.set(question.target, [question]);
    else deck.push(question);
  }
  return decks;
}

function ownLeaves(graph: FactGraph, lineage: number[], seed: 0 | 1): number[] {
  const own = seed === 0 ? LINEAGE.first : LINEAGE.second;
  return lineage.flatMap((l, node) =>
    l === own && graph.children[node]!.length === 0 ? [node] : [],
  );
}

function pathSentences(path: number[], words: string[]): string[] {
  return path.slice(1).map((to, i) => factSentence(words[path[i]!]!, words[to]!));
}
