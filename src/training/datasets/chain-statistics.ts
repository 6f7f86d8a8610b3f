// What any data set's examples look like in numbers, and what is published about each. One table of measures.
import type { Example } from './example.ts';
import type { DataKind } from './formats.ts';

const measures = {
  'reasoning steps': ({ steps }: Example) => steps.length,
  'more than 3 steps (%)': ({ steps }: Example) => (steps.length > 3 ? 100 : 0),
  'question words': ({ question }: Example) => wordCount(question),
  'chain words': ({ steps }: Example) => wordCount(steps.join(' ')),
  'answer words': ({ answer }: Example) => wordCount(answer),
  'answer True (%)': ({ answer }: Example) => (answer === 'True' ? 100 : 0),
} satisfies Record<string, (example: Example) => number>;

export type ChainMeasure = keyof typeof measures;
export type ChainStatistics = Record<ChainMeasure, number>;

export const chainMeasures = Object.keys(measures) as ChainMeasure[];

/**
 * As far as they are published: ProsQA's hops (arXiv 2412.06769, appendix A.2); ProntoQA's five hops and a conclusion;
 * the multiplication files' one step per digit, here of four.
 */
export const publishedChains: Readonly<Record<DataKind, Partial<ChainStatistics>>> = {
  prosqa: { 'reasoning steps': 3.8 },
  prontoqa: { 'reasoning steps': 6, 'more than 3 steps (%)': 100 },
  gsm8k: {},
  multiplication: { 'reasoning steps': 4, 'more than 3 steps (%)': 100 },
  superposition: {},
};

/** Mean of every measure; throws when there are no examples. */
export function chainStatistics(examples: readonly Example[]): ChainStatistics {
  if (examples.length === 0) throw new Error('no examples to measure');
  const entries = chainMeasures.map((name) => {
    const total = examples.reduce((sum, example) => sum + measures[name](example), 0);
    return [name, total / examples.length];
  });
  return Object.fromEntries(entries);
}

const wordCount = (text: string): number => text.split(/\s+/).filter((word) => word !== '').length;
