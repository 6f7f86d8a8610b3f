// ProsQA in its published form: reads the JSON of facebookresearch/coconut, checks that text and graph of each item
// agree, and takes a question's text apart.
import { z } from 'zod';
import { type Malformed, type Records, readJsonItems } from './dataset-file.ts';
import type { Example } from './example.ts';
import { type FactGraph, factGraph, frontiers } from './fact-graph.ts';
import { answerSentence, factSentence, parseFact } from './prosqa-words.ts';

export type ProsqaItem = {
  example: Example;
  graph: FactGraph;
  /** Name or concept of each node of the graph. */
  words: string[];
  /** Node the question is about; `target` is the right option, `distractor` the wrong one. */
  root: number;
  target: number;
  distractor: number;
};

/** A question's text: the facts, then the final " Is X a Y or Z?" with its leading space. */
export type QuestionParts = {
  context: string;
  query: string;
  facts: string[];
  name: string;
  options: [string, string];
};

const queryPattern = /\s*\bIs (?<name>\w+) a (?<first>\w+) or (?<second>\w+)\?\s*$/;

const node = z.int().min(0);
const publishedItemSchema = z.object({
  question: z.string(),
  answer: z.string(),
  steps: z.array(z.string()).min(1),
  idx_to_symbol: z.array(z.string()).min(1),
  edges: z.array(z.tuple([node, node])),
  root: node,
  target: node,
  neg_target: node,
});

/** Splits a question where its facts end; throws a plain Error that says what is missing. */
export function splitQuestion(question: string): QuestionParts {
  const match = queryPattern.exec(question);
  if (!match?.groups) {
    throw new Error(`question does not end in "Is … a … or …?": "${question.slice(-60)}"`);
  }
  const context = question.slice(0, match.index);
  const { name, first, second } = match.groups as { name: string; first: string; second: string };
  const facts = context.split(/(?<=\.)\s+/).filter((sentence) => sentence !== '');
  return { context, query: question.slice(match.index), facts, name, options: [first, second] };
}

/** Same for two questions exactly when they state the same facts, in whatever order. */
export function factsKey(facts: readonly string[]): string {
  return [...facts].sort().join(' ');
}

/**
 * Words first reached after 0, 1, 2, … facts from the name that the question asks about: what a breadth-first search
 * holds at each depth. Works on the whole text, context and query.
 */
export function questionFrontiers(question: string): string[][] {
  const { facts, name } = splitQuestion(question);
  const words = [name];
  const indexOf = (word: string) => {
    const known = words.indexOf(word);
    return known >= 0 ? known : words.push(word) - 1;
  };
  const edges = facts.map((fact): [number, number] => {
    const parsed = parseFact(fact);
    if (parsed === null) throw new Error(`not a fact: "${fact}"`);
    return [indexOf(parsed.subject), indexOf(parsed.concept)];
  });
  const levels = frontiers(factGraph(words.length, edges), 0);
  return levels.map((level) => level.map((index) => words[index]!));
}

/** Reads a published ProsQA file; a malformed item is one whose text and graph disagree, too. */
export function readProsqa(file: string, malformed: Malformed): Records<ProsqaItem> {
  return readJsonItems(file, malformed, parseProsqaItem);
}

/** @param raw one record of a published file; throws a plain Error that says what does not fit */
export function parseProsqaItem(raw: unknown): ProsqaItem {
  const parsed = publishedItemSchema.parse(raw);
  const { question, answer, steps, idx_to_symbol: words, edges, root, target } = parsed;
  const distractor = parsed.neg_target;
  const highest = Math.max(root, target, distractor, ...edges.flat());
  if (highest >= words.length) {
    throw new Error(`node ${highest} has no entry in idx_to_symbol (${words.length} entries)`);
  }
  const graph = factGraph(words.length, edges);
  const item = { example: { question, steps, answer }, graph, words, root, target, distractor };
  checkTextAgrees(item);
  return item;
}

/** The facts are the edges, the query names root and options, and the steps lead from root to target. */
function checkTextAgrees({ example, graph, words, root, target, distractor }: ProsqaItem): void {
  const { facts, name, options } = splitQuestion(example.question);
  const edgeFacts = graph.edges.map(([from, to]) => factSentence(words[from]!, words[to]!));
  if (factsKey(facts) !== factsKey(edgeFacts)) {
    throw new Error(`the ${facts.length} facts of the text are not the ${edgeFacts.length} edges`);
  }
  const expectedOptions = [words[target]!, words[distractor]!].sort().join(' or ');
  if (name !== words[root] || [...options].sort().join(' or ') !== expectedOptions) {
    throw new Error(`query is not about ${words[root]} and ${expectedOptions}`);
  }
  const expectedAnswer = answerSentence(words[root]!, words[target]!);
  if (example.answer !== expectedAnswer) {
    throw new Error(`answer is "${example.answer}", target says "${expectedAnswer}"`);
  }
  let at = root;
  for (const step of example.steps) {
    const next = graph.children[at]!.find((to) => factSentence(words[at]!, words[to]!) === step);
    if (next === undefined) throw new Error(`step "${step}" is no edge from ${words[at]}`);
    at = next;
  }
  if (at !== target) throw new Error(`steps end at ${words[at]}, not at ${words[target]}`);
}
