// The six outcomes of a ProsQA answer (Coconut, arXiv 2412.06769, section 5.1): what became of the path that a model
// wrote, or, where it wrote none, of its label. Pure.
import { answerOf } from '../datasets/answer.ts';
import { distancesFrom, UNREACHED } from '../datasets/fact-graph.ts';
import type { ProsqaItem } from '../datasets/prosqa.ts';
import { parseFact } from '../datasets/prosqa-words.ts';

export const outcomes = [
  'correct path',
  'longer path',
  'hallucination',
  'wrong target',
  'correct label',
  'incorrect label',
] as const;

export type Outcome = (typeof outcomes)[number];

/**
 * A path may begin past the root, at a node that can be reached from it: a model that thought for the first steps
 * writes the rest. Hallucinated is a path with an edge that the facts do not have, or in pieces; one that ends elsewhere,
 * or whose label is not where it ends, has the wrong target.
 */
export function outcomeOf(item: ProsqaItem, generatedText: string): Outcome {
  const { example, graph, words, root, target } = item;
  const isRight = answerOf(generatedText) === example.answer;
  const steps = generatedText.split('\n').filter((line) => line !== '' && !line.startsWith('###'));
  if (steps.length === 0) return isRight ? 'correct label' : 'incorrect label';
  const distances = distancesFrom(graph.children, root);
  let at: number | null = null;
  let length = 0;
  for (const step of steps) {
    const { subject = '', concept = '' } = parseFact(step) ?? {};
    const [source, end] = [words.indexOf(subject), words.indexOf(concept)];
    if (at === null) {
      length = distances[source] ?? UNREACHED;
      if (length === UNREACHED) return 'hallucination';
    } else if (source !== at) return 'hallucination';
    if (!graph.children[source]!.includes(end)) return 'hallucination';
    at = end;
    length++;
  }
  if (at !== target || !isRight) return 'wrong target';
  return length === distances[target] ? 'correct path' : 'longer path';
}
