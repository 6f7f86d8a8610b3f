// THE table of what a run trains on, by data set: words for the tokenizer and the start, and fresh groups of examples
// that hold none of the validation items.
import type { Random } from '../random.ts';
import { countPreTokens } from './bpe-trainer.ts';
import { takeInEpochs } from './datasets/epochs.ts';
import type { Example, ExampleGroup } from './datasets/example.ts';
import { type DataKind, formats } from './datasets/formats.ts';
import { drawMultiplication, multiplicationWordCounts } from './datasets/multiplication.ts';
import { heldQuestions, normalizedQuestion, withoutOverlap } from './datasets/overlap.ts';
import { prontoqaFrontiers } from './datasets/prontoqa.ts';
import { drawProntoqa, drawProntoqaGroup } from './datasets/prontoqa-generator.ts';
import { prontoqaEntities, prontoqaWordCounts } from './datasets/prontoqa-words.ts';
import { factsKey, questionFrontiers, splitQuestion } from './datasets/prosqa.ts';
import { PROSQA_SIZES, ProsqaGenerator } from './datasets/prosqa-generator.ts';
import { CONCEPTS, NAMES, prosqaWordCounts } from './datasets/prosqa-words.ts';
import {
  NODE_COUNT,
  superpositionWordCounts,
  symbolicFrontiers,
  toSymbolic,
} from './datasets/superposition.ts';
import type { DataConfig, FileRules, Segment } from './training-config.ts';

export type Draw = {
  random: Random;
  segment: Segment;
  groups: number;
  perGroup: number;
  /** Examples that the run drew before: where it stands in its epochs over a file. */
  first: number;
};

export type DrawnItems = { kind: 'drawn'; groups: (draw: Draw) => ExampleGroup[] };
export type FileItems = {
  kind: 'file';
  file: string;
  examples: Example[];
  tooLong: FileRules['tooLong'];
};

export type DataSource = {
  /** Pre-tokens that the tokenizer holds whole, with weights. */
  wordCounts: Map<string, number>;
  /** Forms of each entity, as pre-tokens; empty where they are not known. */
  entities: string[][];
  items: DrawnItems | FileItems;
  /** Words first reached after 1, 2, … hops; null where a question is no graph. */
  frontiers: ((question: string) => string[][]) | null;
};

type Sources = {
  [K in DataKind]: (
    data: Extract<DataConfig, { kind: K }>,
    validation: readonly Example[],
  ) => DataSource;
};

const digitWords = (count: number): string[][] =>
  Array.from({ length: count }, (_, n) => [`${n}`, ` ${n}`]);

const WALK_EDGES = 6;
/** Rarer words are left to their parts. */
const MIN_WORD_COUNT = 20;

const sources: Sources = {
  prosqa: (_, validation) => {
    const excluded = new Set(
      validation.map(({ question }) => factsKey(splitQuestion(question).facts)),
    );
    return {
      wordCounts: prosqaWordCounts(),
      entities: [...NAMES.map((name) => [name, ` ${name}`]), ...CONCEPTS.map((c) => [` ${c}`])],
      items: drawn(({ random, segment, groups, perGroup }) => {
        const { also, task } = segment;
        const usual = new ProsqaGenerator(random, { ...sizesOf(segment), excluded });
        const other = also && new ProsqaGenerator(random, { ...sizesOf(also), excluded });
        return Array.from({ length: groups }, () => {
          const generator = other && random.uniform() < also.share ? other : usual;
          return task === 'questions'
            ? generator.nextGroup(perGroup)
            : generator.nextWalks(perGroup, WALK_EDGES);
        });
      }),
      frontiers: (question) => questionFrontiers(question).slice(1),
    };
  },
  superposition: (_, validation) => {
    const held = heldQuestions(validation);
    return {
      wordCounts: superpositionWordCounts(),
      entities: digitWords(NODE_COUNT),
      items: drawn(({ random, segment, groups, perGroup }) => {
        const generator = new ProsqaGenerator(random, { ...sizesOf(segment), excluded: new Set() });
        const draw = () => toSymbolic(generator.next(), random);
        return rows(groups * perGroup, perGroup, unlike(held, draw));
      }),
      frontiers: symbolicFrontiers,
    };
  },
  prontoqa: (data, validation) => {
    const held = heldQuestions(validation);
    return {
      wordCounts: prontoqaWordCounts(),
      entities: prontoqaEntities(),
      items:
        data.train === null
          ? drawn((draw) => drawOntologies(draw, held))
          : trainingItems(data, data.train, validation),
      frontiers: prontoqaFrontiers,
    };
  },
  gsm8k: (data, validation) => {
    const items = trainingItems(data, data.train, validation);
    return {
      wordCounts: countPreTokens(items.examples.flatMap(textsOf), MIN_WORD_COUNT),
      entities: [],
      items,
      frontiers: null,
    };
  },
  multiplication: (data, validation) => {
    const held = heldQuestions(validation);
    return {
      wordCounts: multiplicationWordCounts(),
      entities: digitWords(10),
      items: drawn(({ random, segment, groups, perGroup }) => {
        const draw = () => drawMultiplication(random, data.digits, segment.rowsWithZeros);
        return rows(groups * perGroup, perGroup, unlike(held, draw));
      }),
      frontiers: null,
    };
  },
};

export function dataSource(data: DataConfig, validation: readonly Example[]): DataSource {
  // Each entry of the table takes the settings of its own kind, which TypeScript cannot follow.
  const source = sources[data.kind] as (...args: [DataConfig, ...unknown[]]) => DataSource;
  return source(data, validation);
}

const textsOf = ({ question, steps, answer }: Example): string[] => [
  `${question}\n`,
  ...steps.map((step) => `${step}\n`),
  `### ${answer}`,
];

function sizesOf({ nodes, minHops, maxHops }: Pick<Segment, 'nodes' | 'minHops' | 'maxHops'>) {
  if (nodes === null) return PROSQA_SIZES;
  const [min, max] = nodes;
  return { nodes: { min, max }, hops: { min: minHops, max: maxHops } };
}

const drawn = (groups: DrawnItems['groups']): DrawnItems => ({ kind: 'drawn', groups });

function trainingItems(
  { kind, malformed, overlap, tooLong }: FileRules & { kind: DataKind },
  file: string,
  validation: readonly Example[],
): FileItems {
  const { items, skipped } = formats[kind].read(file, malformed);
  for (const { message } of skipped) console.warn(`left out: ${message}`);
  const examples = withoutOverlap(file, items, validation, overlap);
  return { kind: 'file', file, examples, tooLong };
}

/** Whole published items where the segment names no size; else questions that share ontologies of that size. */
function drawOntologies(
  { random, segment, groups, perGroup }: Draw,
  held: ReadonlySet<string>,
): ExampleGroup[] {
  if (segment.nodes === null) {
    const draw = () => drawProntoqa(random);
    return rows(groups * perGroup, perGroup, unlike(held, draw));
  }
  const [min, max] = segment.nodes;
  const { minHops, negatedStatements } = segment;
  const sizes = { concepts: { min, max }, minHops, negatedStatements, questions: perGroup };
  return Array.from({ length: groups }, () => {
    for (;;) {
      const group = drawProntoqaGroup(random, sizes);
      const isHeld = ({ question }: Example): boolean =>
        held.has(normalizedQuestion(group.context + question));
      if (!group.examples.some(isHeld)) return group;
    }
  });
}

/** Draws until the question is none of the `held`. */
function unlike(held: ReadonlySet<string>, draw: () => Example): () => Example {
  return () => {
    for (;;) {
      const example = draw();
      if (!held.has(normalizedQuestion(example.question))) return example;
    }
  };
}

/** Examples of their own, without a shared context. */
function rows(count: number, perGroup: number, draw: () => Example): ExampleGroup[] {
  return grouped(Array.from({ length: count }, draw), perGroup);
}

/** Groups of single examples, in the order of the epochs over them. */
export function fromFile(examples: readonly Example[], seed: number): DrawnItems['groups'] {
  return ({ groups, perGroup, first }) =>
    grouped(takeInEpochs(examples, seed, first, groups * perGroup), perGroup);
}

function grouped(examples: readonly Example[], perGroup: number): ExampleGroup[] {
  return Array.from({ length: examples.length / perGroup }, (_, i) => ({
    context: '',
    examples: examples.slice(i * perGroup, (i + 1) * perGroup),
  }));
}
