import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DatasetError } from '../../../src/training/datasets/example.ts';
import {
  factsKey,
  questionFrontiers,
  readProsqa,
  splitQuestion,
} from '../../../src/training/datasets/prosqa.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const sampleFile = 'test/data/prosqa-sample.json';
type Published = {
  question: string;
  answer: string;
  steps: string[];
  edges?: unknown[];
  root: number;
  target: number;
};
const published = (): Published[] => JSON.parse(readFileSync(sampleFile, 'utf8'));

function fileOf(content: unknown): string {
  const file = join(temporaryDirectory(), 'prosqa.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

describe('readProsqa', () => {
  it('reads the published format', () => {
    const { items, skipped } = readProsqa(sampleFile, 'throw');
    expect(items).toHaveLength(20);
    expect(skipped).toEqual([]);
    const [first] = items;
    expect(first!.example.steps).toEqual([
      'Tom is a terpus.',
      'Every terpus is a brimpus.',
      'Every brimpus is a lempus.',
    ]);
    expect(first!.example.answer).toBe('Tom is a lempus.');
    expect(first!.words[first!.distractor]).toBe('scrompus');
    expect(first!.graph.children[first!.root]!.map((node) => first!.words[node])).toEqual([
      'terpus',
      'dumpus',
    ]);
  });

  it.each<[string, (item: Published) => void, RegExp]>([
    ['a field is missing', (item) => delete item.edges, /edges/],
    ['a node has no symbol', (item) => (item.target = 99), /node 99 .* \(18 entries\)/],
    ['an edge is not told', (item) => item.edges?.pop(), /23 facts .* 22 edges/],
    ['root and query differ', (item) => (item.root = 0), /query is not about Davis/],
    ['a step is no edge', (item) => item.steps.shift(), /no edge from Tom/],
    ['the steps stop early', (item) => item.steps.pop(), /end at brimpus/],
    ['the answer is the distractor', (item) => (item.answer = 'Tom is a scrompus.'), /scrompus/],
    ['there is no query', (item) => (item.question = 'Tom is a lempus.'), /does not end in "Is/],
  ])('names file, item and reason when %s', (_, damage, reason) => {
    const items = published();
    damage(items[0]!);
    const file = fileOf([items[1], items[0], items[2]]);
    const read = () => readProsqa(file, 'throw');
    expect(read).toThrow(DatasetError);
    expect(read).toThrow(reason);
    expect(read).toThrow(`${file}: item 1: `);
    const { items: kept, skipped } = readProsqa(file, 'skip');
    expect(kept).toHaveLength(2);
    expect(skipped.map((error) => error.message)).toEqual([expect.stringMatching(reason)]);
  });

  it.each(['{', '{"question": ""}'])('refuses a file that is no JSON list: %s', (content) => {
    expect(() => readProsqa(fileOf(content), 'skip')).toThrow(
      /whole file: cannot be read as a JSON list/,
    );
  });
});

const question = 'Tom is a impus. Every impus is a wumpus. Is Tom a wumpus or zumpus?';

describe('splitQuestion', () => {
  it('parts the facts from the query without losing a character', () => {
    const parts = splitQuestion(question);
    expect(parts.context + parts.query).toBe(question);
    expect(parts.query).toBe(' Is Tom a wumpus or zumpus?');
    expect(parts.facts).toEqual(['Tom is a impus.', 'Every impus is a wumpus.']);
    expect(parts.name).toBe('Tom');
    expect(parts.options).toEqual(['wumpus', 'zumpus']);
  });
});

describe('factsKey', () => {
  it('ignores order and nothing else', () => {
    const { facts } = splitQuestion(question);
    expect(factsKey([...facts].reverse())).toBe(factsKey(facts));
    expect(factsKey(facts.slice(1))).not.toBe(factsKey(facts));
  });
});

describe('questionFrontiers', () => {
  it('lists what a search from the name reaches at each depth', () => {
    const text = `Every rex is a lorpus. Eva is a impus. Every wumpus is a lorpus. ${question}`;
    expect(questionFrontiers(text)).toEqual([['Tom'], ['impus'], ['wumpus'], ['lorpus']]);
  });

  it('agrees with the published graphs', () => {
    for (const { example, words, root, target } of readProsqa(sampleFile, 'throw').items) {
      const levels = questionFrontiers(example.question);
      expect(levels[0]).toEqual([words[root]]);
      expect(levels[example.steps.length]).toContain(words[target]);
    }
  });

  it('quotes a sentence that is no fact', () => {
    expect(() => questionFrontiers(`Dogs bark. ${question}`)).toThrow('not a fact: "Dogs bark."');
  });
});
