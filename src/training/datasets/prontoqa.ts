// ProntoQA (Saparov & He, arXiv 2210.01240) as the Coconut paper uses it: facts about a made-up ontology, one
// statement to prove or refute. Reads the JSON of facebookresearch/coconut and checks each chain against its facts.
import { z } from 'zod';
import { type Malformed, type Records, readJsonItems } from './dataset-file.ts';
import type { Example } from './example.ts';
import { factGraph, frontiers } from './fact-graph.ts';

const recordSchema = z.object({
  question: z.string(),
  steps: z.array(z.string()).min(2),
  answer: z.enum(['True', 'False']),
});

const QUERY = ' True or false: ';

export function readProntoqa(file: string, malformed: Malformed): Records<Example> {
  return readJsonItems(file, malformed, (raw) => {
    const { question, steps, answer } = recordSchema.parse(raw);
    const example = { question, steps, answer };
    checkChain(example);
    return example;
  });
}

/** "A. B." → ["A.", "B."] */
export const sentencesOf = (text: string): string[] =>
  text.match(/[^.]+\./g)?.map((s) => s.trim()) ?? [];

/** The facts of a question and the statement it asks about; throws a plain Error where it has none. */
export function splitProntoqa(question: string): { facts: string[]; statement: string } {
  const [facts, statement, ...more] = question.split(QUERY);
  if (statement === undefined || more.length > 0)
    throw new Error(`question has ${question.split(QUERY).length - 1} "True or false:", not one`);
  return { facts: sentencesOf(facts!), statement };
}

/** Every step but the last states what is known and a fact of the text; the last decides the statement. */
function checkChain({ question, steps, answer }: Example): void {
  const { facts, statement } = splitProntoqa(question);
  const known = new Set(facts);
  for (const step of steps.slice(0, -1)) {
    const [, rule, ...more] = sentencesOf(step);
    if (rule === undefined || more.length > 0)
      throw new Error(`step "${step}" is not two sentences`);
    if (!known.has(rule)) throw new Error(`"${rule}" is no fact of the question`);
  }
  const [first] = sentencesOf(steps[0]!);
  if (!known.has(first!)) throw new Error(`"${first}" is no fact of the question`);
  const conclusion = steps.at(-1)!;
  const positive = (text: string): string => text.replace(' is not ', ' is ');
  if (positive(conclusion) !== positive(statement))
    throw new Error(`conclusion "${conclusion}" does not decide "${statement}"`);
  const expected = conclusion === statement ? 'True' : 'False';
  if (answer !== expected) throw new Error(`answer is ${answer}, the chain says ${expected}`);
}

const LINK = new RegExp(
  [
    String.raw`^(?:Each|Every) (?<one>\w+) is an? (?<kind>\w+)\.$`,
    String.raw`^(?<many>\w+pus)es are (?<kinds>\w+pus)es\.$`,
    String.raw`^(?<name>\w+) is an? (?<its>\w+)\.$`,
  ].join('|'),
);

const PROPERTY = new RegExp(
  [
    String.raw`^(?:Each|Every) (?<one>\w+) is (?<not>not )?(?<property>\w+)\.$`,
    String.raw`^(?<many>\w+pus)es are (?<nots>not )?(?<properties>\w+)\.$`,
  ].join('|'),
);

/**
 * What a breadth-first search from the name that the question asks about first holds after 1, 2, … facts: concepts, and where
 * one of them has the property asked for, as its end, "not" or the property itself. Other properties are left out.
 */
export function prontoqaFrontiers(question: string): string[][] {
  const { facts, statement } = splitProntoqa(question);
  const words = [statement.split(' ')[0]!];
  const indexOf = (word: string) => {
    const known = words.indexOf(word);
    return known >= 0 ? known : words.push(word) - 1;
  };
  const asked = statement.slice(statement.lastIndexOf(' ') + 1, -1);
  const decided = new Map<string, string>();
  const edges = facts.flatMap((fact): [number, number][] => {
    const link = LINK.exec(fact)?.groups;
    if (link !== undefined) {
      const { one, kind, many, kinds, name, its } = link;
      return [[indexOf(one ?? many?.toLowerCase() ?? name!), indexOf(kind ?? kinds ?? its!)]];
    }
    const { one, many, not, nots, property, properties } = PROPERTY.exec(fact)?.groups ?? {};
    if ((property ?? properties) === asked)
      decided.set(one ?? many!.toLowerCase(), (not ?? nots) ? 'not' : asked);
    return [];
  });
  const concepts = frontiers(factGraph(words.length, edges), 0)
    .slice(1)
    .map((level) => level.map((index) => words[index]!));
  const decisions = concepts.map((level) => level.flatMap((concept) => decided.get(concept) ?? []));
  const last = decisions.findIndex((level) => level.length > 0);
  return last === -1 ? concepts : [...concepts.slice(0, last + 1), decisions[last]!];
}
