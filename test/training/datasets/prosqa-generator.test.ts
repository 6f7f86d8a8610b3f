import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/random.ts';
import {
  factsKey,
  type ProsqaItem,
  questionFrontiers,
  readProsqa,
  splitQuestion,
} from '../../../src/training/datasets/prosqa.ts';
import { PROSQA_SIZES, ProsqaGenerator } from '../../../src/training/datasets/prosqa-generator.ts';
import { CONCEPTS, NAMES } from '../../../src/training/datasets/prosqa-words.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const published = (seed: number, excluded = new Set<string>()) =>
  new ProsqaGenerator(new Random(seed), { ...PROSQA_SIZES, excluded });
const keyOf = ({ example }: ProsqaItem) => factsKey(splitQuestion(example.question).facts);

describe('ProsqaGenerator.next', () => {
  it('makes items that pass every check of the published format', () => {
    const generator = published(1);
    const items = Array.from({ length: 200 }, () => generator.next());
    const file = join(temporaryDirectory(), 'generated.json');
    const inPublishedFormat = items.map(({ example, graph, words, root, target, distractor }) => ({
      ...example,
      idx_to_symbol: words,
      edges: graph.edges,
      root,
      target,
      neg_target: distractor,
    }));
    writeFileSync(file, JSON.stringify(inPublishedFormat));
    expect(readProsqa(file, 'throw').items).toEqual(items);
  });

  it('asks for a path of permitted length, and never one to the distractor', () => {
    const generator = published(2);
    for (let i = 0; i < 200; i++) {
      const { example, words, target, distractor } = generator.next();
      const levels = questionFrontiers(example.question);
      const hops = levels.findIndex((level) => level.includes(words[target]!));
      expect(hops).toBe(example.steps.length);
      expect(hops).toBeGreaterThanOrEqual(3);
      expect(hops).toBeLessThanOrEqual(6);
      expect(levels.flat()).not.toContain(words[distractor]);
    }
  });

  it('uses every published word and puts the answer first half of the time', () => {
    const generator = published(3);
    const items = Array.from({ length: 400 }, () => generator.next());
    const seen = new Set(items.flatMap(({ words }) => words));
    expect([...seen].sort()).toEqual([...CONCEPTS, ...NAMES].sort());
    const first = items.filter(
      ({ example, words, target }) => splitQuestion(example.question).options[0] === words[target],
    );
    expect(Math.abs(first.length - 200)).toBeLessThan(40);
  });

  it('draws from the random numbers it is given alone', () => {
    const random = new Random(4);
    const drawn = (generator: ProsqaGenerator) => [
      generator.next(),
      generator.nextGroup(3),
      generator.nextWalks(2, 5),
    ];
    const options = { ...PROSQA_SIZES, excluded: new Set<string>() };
    const first = drawn(new ProsqaGenerator(random, options));
    expect(drawn(new ProsqaGenerator(new Random(4), options))).toEqual(first);
    expect(drawn(new ProsqaGenerator(random, options))).not.toEqual(first);
  });

  it('refuses graphs whose facts are excluded', () => {
    const first = published(5).next();
    const other = published(5, new Set([keyOf(first)])).next();
    expect(keyOf(other)).not.toBe(keyOf(first));
  });

  it('keeps to the sizes asked for', () => {
    const sizes = { nodes: { min: 6, max: 8 }, hops: { min: 1, max: 2 } };
    const generator = new ProsqaGenerator(new Random(6), { ...sizes, excluded: new Set() });
    const items = Array.from({ length: 100 }, () => generator.next());
    expect(Math.max(...items.map(({ graph }) => graph.nodeCount))).toBe(8);
    expect(new Set(items.map(({ example }) => example.steps.length))).toEqual(new Set([1, 2]));
  });

  it.each([
    [{ nodes: { min: 5, max: 28 }, hops: { min: 3, max: 6 } }, 'hops.min + 2 = 5'],
    [{ nodes: { min: 28, max: 41 }, hops: { min: 3, max: 6 } }, 'at most 40'],
    [{ nodes: { min: 28, max: 28 }, hops: { min: 4, max: 3 } }, 'got 4 to 3'],
  ])('refuses impossible sizes: %j', (sizes, reason) => {
    const construct = () => new ProsqaGenerator(new Random(1), { ...sizes, excluded: new Set() });
    expect(construct).toThrow(reason);
  });
});

it('gives up, with the numbers, where no graph fits', () => {
  const sizes = { nodes: { min: 40, max: 40 }, hops: { min: 30, max: 30 } };
  const generator = new ProsqaGenerator(new Random(1), { ...sizes, excluded: new Set() });
  expect(() => generator.next()).toThrow('no graph of 40 to 40 nodes fitted questions of 30 to 30');
});

describe('ProsqaGenerator.nextGroup', () => {
  it('asks different, answerable questions about one graph and both seeds', () => {
    const generator = published(7);
    const groups = Array.from({ length: 100 }, () => generator.nextGroup(8));
    for (const { context, examples } of groups) {
      expect(examples).toHaveLength(8);
      for (const { question, steps, answer } of examples) {
        const { name, options } = splitQuestion(context + question);
        const levels = questionFrontiers(context + question);
        const reached = options.filter((option) => levels.flat().includes(option));
        expect(answer).toBe(`${name} is a ${reached.join()}.`);
        expect(levels[steps.length]).toEqual(expect.arrayContaining(reached));
        for (const step of steps) expect(context).toContain(step);
      }
    }
    const average = (measure: (names: Set<string>) => number, of: 'name' | 'question') =>
      groups.reduce((sum, { context, examples }) => {
        const { length } = groups;
        const values = examples.map(({ question }) => {
          const { name, options } = splitQuestion(context + question);
          return of === 'name' ? name : [name, ...options.sort()].join(' ');
        });
        return sum + measure(new Set(values)) / length;
      }, 0);
    expect(average((names) => names.size, 'name')).toBeGreaterThan(1.4);
    expect(average((questions) => questions.size, 'question')).toBeGreaterThan(4);
  });
});

describe('ProsqaGenerator.nextWalks', () => {
  it('follows edges from any inner node until a leaf or the length', () => {
    const generator = published(8);
    const starts = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const { context, examples } = generator.nextWalks(6, 4);
      const facts = context.split(/(?<=\.) /);
      for (const { question, steps, answer } of examples) {
        expect([question, answer]).toEqual(['', '']);
        expect(steps.length).toBeGreaterThanOrEqual(1);
        expect(steps.length).toBeLessThanOrEqual(4);
        starts.add(steps[0]!.split(' ')[0]!);
        const ends = steps.map((step) => /(\w+)\.$/.exec(step)![1]);
        steps.forEach((step, at) => {
          expect(facts).toContain(step);
          if (at > 0) expect(step.startsWith(`Every ${ends[at - 1]} `)).toBe(true);
        });
        const goesOn = facts.some((fact) => fact.startsWith(`Every ${ends.at(-1)} `));
        expect(goesOn && steps.length < 4).toBe(false);
      }
    }
    expect(starts).toContain('Every');
    expect(starts.size).toBeGreaterThan(5);
  });
});
