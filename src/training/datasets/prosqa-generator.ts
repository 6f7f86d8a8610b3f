// Fresh ProsQA: names for a random graph, its text, and questions, groups of questions or walks over it.
// All randomness comes from the given Random, so storing its state resumes the stream exactly.
import type { Random } from '../../random.ts';
import type { Example, ExampleGroup } from './example.ts';
import { distancesFrom, type FactGraph, randomShortestPath } from './fact-graph.ts';
import { factsKey, type ProsqaItem } from './prosqa.ts';
import { drawLineageGraph, LINEAGE, type LineageGraph } from './prosqa-dag.ts';
import { answerSentence, CONCEPTS, factSentence, NAMES, querySentence } from './prosqa-words.ts';

export type ProsqaOptions = {
  /** Nodes drawn per graph, uniform in [min, max]; about a fifth end up without edges and are dropped. */
  nodes: { min: number; max: number };
  /** Length of the shortest path from root to target, in edges. */
  hops: { min: number; max: number };
  /** factsKey of graphs that must not be generated: those of the validation and test items. */
  excluded: ReadonlySet<string>;
};

/** Sizes whose statistics match the published items. */
export const PROSQA_SIZES = {
  nodes: { min: 28, max: 28 },
  hops: { min: 3, max: 6 },
} as const;

type Question = { root: number; target: number; distractor: number; hops: number };
type NamedGraph = { graph: FactGraph; words: string[]; context: string };

const SEEDS = [0, 1] as const;
const MAX_ATTEMPTS = 10_000;

/**
 * How much likelier each further hop makes a target to be picked for a group. The published questions ask about the
 * deepest leaf only; with 6 the groups' hops 3 to 6 are 50, 35, 12 and 3% (published: 41, 44, 12, 2) and most groups
 * still ask about several targets of both seeds.
 */
const GROUP_HOP_FACTOR = 6;

export class ProsqaGenerator {
  readonly #random: Random;
  readonly #options: ProsqaOptions;

  constructor(random: Random, options: ProsqaOptions) {
    const { nodes, hops } = options;
    const mostNodes = CONCEPTS.length + SEEDS.length;
    if (!(nodes.min <= nodes.max && nodes.max <= mostNodes && nodes.min > hops.min + 2)) {
      throw new RangeError(
        `ProsQA graphs of ${nodes.min} to ${nodes.max} nodes: need more than hops.min + 2 = ` +
          `${hops.min + 2} and at most ${mostNodes}, the number of words`,
      );
    }
    if (!(1 <= hops.min && hops.min <= hops.max)) {
      throw new RangeError(`ProsQA hops must be 1 <= min <= max, got ${hops.min} to ${hops.max}`);
    }
    this.#random = random;
    this.#options = options;
  }

  /** One question on one graph, chosen as the published ones are: the target is the deepest leaf of its seed. */
  next(): ProsqaItem {
    for (;;) {
      const { graph, questions, mostHops } = this.#drawAskable();
      // Asking about a nearer leaf instead would make items easier than the published ones.
      if (mostHops > this.#options.hops.max) continue;
      const { root } = questions.findLast((q) => q.hops === mostHops)!;
      const deepest = questions.filter((q) => q.root === root && q.hops === mostHops);
      const question = this.#random.pick(deepest);
      const named = this.#name(graph);
      if (named === undefined) continue;
      const { query, ...example } = this.#ask(named, question);
      return {
        example: { question: named.context + query, ...example },
        graph: named.graph,
        words: named.words,
        root: question.root,
        target: question.target,
        distractor: question.distractor,
      };
    }
  }

  /**
   * Several questions on one graph, about both seeds. Before a target is asked about with the same distractor again, it
   * has been asked about with every other one; a repeated question draws option order and shortest path anew.
   */
  nextGroup(questionCount: number): ExampleGroup {
    for (;;) {
      const { graph, questions } = this.#drawAskable();
      const named = this.#name(graph);
      if (named === undefined) continue;
      const decks = [...byTarget(this.#random.shuffle(questions)).values()];
      const weights = decks.map(([question]) => GROUP_HOP_FACTOR ** question!.hops);
      const examples = Array.from({ length: questionCount }, (): Example => {
        const deck = decks[this.#random.weightedIndex(weights)]!;
        const question = deck.shift()!;
        deck.push(question);
        const { query, ...example } = this.#ask(named, question);
        return { question: query, ...example };
      });
      return { context: named.context, examples };
    }
  }

  /**
   * Random walks over one graph, to teach recall of its edges: each row starts at a node with successors and goes on
   * until a leaf or `length` edges. Question and answer are empty.
   */
  nextWalks(rowCount: number, length: number): ExampleGroup {
    for (;;) {
      const named = this.#name(this.#drawAskable().graph);
      if (named === undefined) continue;
      const starts = named.graph.children.flatMap((next, node) => (next.length > 0 ? [node] : []));
      const examples = Array.from({ length: rowCount }, (): Example => {
        const path = this.#walk(named.graph, this.#random.pick(starts), length);
        return { question: '', steps: pathSentences(path, named.words), answer: '' };
      });
      return { context: named.context, examples };
    }
  }

  /** A graph, its questions of permitted length, and the length of the longest question it has. */
  #drawAskable(): { graph: FactGraph; questions: Question[]; mostHops: number } {
    const { nodes, hops } = this.#options;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const nodeCount = nodes.min + this.#random.int(nodes.max - nodes.min + 1);
      const lineageGraph = drawLineageGraph(this.#random, nodeCount);
      if (lineageGraph === undefined) continue;
      const possible = possibleQuestions(lineageGraph);
      const questions = possible.filter((q) => q.hops >= hops.min && q.hops <= hops.max);
      if (questions.length === 0) continue;
      const mostHops = Math.max(...possible.map((q) => q.hops));
      return { graph: lineageGraph.graph, questions, mostHops };
    }
    throw new Error(
      `no graph of ${nodes.min} to ${nodes.max} nodes had a question of ${hops.min} to ` +
        `${hops.max} hops in ${MAX_ATTEMPTS} attempts`,
    );
  }

  /** Words for the nodes and the shuffled facts; undefined if names run out or the graph is excluded. */
  #name(graph: FactGraph): NamedGraph | undefined {
    const names = this.#random.shuffle<string[]>([...NAMES]);
    const concepts = this.#random.shuffle<string[]>([...CONCEPTS]);
    if (graph.parents.filter((p) => p.length === 0).length > names.length) return undefined;
    const words = graph.parents.map((p) => (p.length === 0 ? names.pop()! : concepts.pop()!));
    const facts = graph.edges.map(([from, to]) => factSentence(words[from]!, words[to]!));
    const { excluded } = this.#options;
    if (excluded.size > 0 && excluded.has(factsKey(facts))) return undefined;
    return { graph, words, context: this.#random.shuffle(facts).join(' ') };
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
