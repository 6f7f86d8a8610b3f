// Generated items pass the reader's own checks and have the published make-up.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/random.ts';
import {
  prontoqaFrontiers,
  readProntoqa,
  sentencesOf,
  splitProntoqa,
} from '../../../src/training/datasets/prontoqa.ts';
import {
  drawProntoqa,
  drawProntoqaGroup,
} from '../../../src/training/datasets/prontoqa-generator.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const random = new Random(5);
const drawn = Array.from({ length: 400 }, () => drawProntoqa(random));
const published = readProntoqa(
  join(import.meta.dirname, '../../data/prontoqa-sample.json'),
  'throw',
);

describe('drawProntoqa', () => {
  it('writes what the reader accepts', () => {
    const path = join(temporaryDirectory(), 'drawn.json');
    writeFileSync(path, JSON.stringify(drawn));
    expect(readProntoqa(path, 'throw').items).toEqual(drawn);
  });

  it('has as many facts and steps as the published items have', () => {
    const makeUp = ({ question, steps }: { question: string; steps: string[] }) =>
      `${splitProntoqa(question).facts.length} facts, ${steps.length} steps`;
    const all = new Set([...drawn, ...published.items].map(makeUp));
    expect([...all]).toEqual(['25 facts, 6 steps']);
  });

  it('answers True and False equally often, and no fact contradicts another on the same concept', () => {
    const right = drawn.filter(({ answer }) => answer === 'True').length / drawn.length;
    expect(Math.abs(right - 0.5)).toBeLessThan(0.1);
    for (const { question } of drawn) {
      const { facts } = splitProntoqa(question);
      expect(new Set(facts).size).toBe(facts.length);
    }
  });

  it('states the opposite of what decides about one other concept, so that looking it up is not enough', () => {
    for (const { question, steps } of drawn) {
      const word = /(\w+)\.$/.exec(steps.at(-1)!)![1]!;
      const { facts } = splitProntoqa(question);
      const about = facts.filter((fact) => fact.endsWith(` ${word}.`));
      expect(about).toHaveLength(2);
      expect(about.filter((fact) => fact.includes(' not '))).toHaveLength(1);
    }
  });

  it('uses every sentence of a step once', () => {
    expect(sentencesOf('Alex is an impus. Impuses are shy.')).toEqual([
      'Alex is an impus.',
      'Impuses are shy.',
    ]);
  });
});

describe('drawProntoqaGroup', () => {
  const concepts = { min: 6, max: 14 };
  const sizes = { concepts, minHops: 1, negatedStatements: 0.5, questions: 8 };
  const groups = Array.from({ length: 60 }, () => drawProntoqaGroup(random, sizes));
  const examples = groups.flatMap(({ context, examples }) =>
    examples.map((example) => ({ ...example, question: context + example.question })),
  );

  it('asks shorter questions about smaller ontologies, all of which the reader accepts', () => {
    const path = join(temporaryDirectory(), 'groups.json');
    writeFileSync(path, JSON.stringify(examples));
    expect(readProntoqa(path, 'throw').items).toEqual(examples);
    const lengths = new Set(examples.map(({ steps }) => steps.length - 1));
    expect([...lengths].sort()).toEqual([1, 2, 3, 4, 5]);
    const facts = groups.map(({ context }) => sentencesOf(context).length);
    expect([Math.min(...facts), Math.max(...facts)]).toEqual([7, 23]);
  });

  it('keeps to the fewest hops, or to the whole chain where that is shorter', () => {
    const { examples } = drawProntoqaGroup(random, { ...sizes, minHops: 4, questions: 40 });
    const shortest = Math.min(...examples.map(({ steps }) => steps.length - 1));
    const longest = Math.max(...examples.map(({ steps }) => steps.length - 1));
    expect(shortest).toBeGreaterThanOrEqual(Math.min(4, longest));
  });

  it('asks with "not" as often as it is told to', () => {
    const asked = (negatedStatements: number) =>
      drawProntoqaGroup(random, { ...sizes, negatedStatements, questions: 400 }).examples.filter(
        ({ question }) => splitProntoqa(question).statement.includes(' not '),
      ).length;
    expect(asked(0)).toBe(0);
    expect(Math.abs(asked(0.1) - 40)).toBeLessThan(25);
    expect(asked(1)).toBe(400);
  });

  it('has the concept of step k among the concepts first reached after k facts', () => {
    for (const { question, steps } of examples) {
      const frontiers = prontoqaFrontiers(question);
      steps.slice(0, -1).forEach((step, k) => {
        const concept = /is an? (\w+)\./.exec(step)![1];
        expect(frontiers[k], question).toContain(concept);
      });
    }
  });
});

describe('prontoqaFrontiers', () => {
  it('follows links in either number; it ends with the property asked for, once a reached concept has it', () => {
    const text =
      'Every impus is a grimpus. Grimpuses are rompuses. Each rompus is not shy. Max is an impus. ' +
      'Grimpuses are windy. Brimpuses are shy. Max is a lorpus. True or false: Max is shy.';
    const chain = [['impus', 'lorpus'], ['grimpus'], ['rompus']];
    expect(prontoqaFrontiers(text)).toEqual([...chain, ['not']]);
    expect(prontoqaFrontiers(text.replace('is shy', 'is windy'))).toEqual([
      ...chain.slice(0, 2),
      ['windy'],
    ]);
  });

  it('ends with what the chain concludes, in drawn questions as in published ones', () => {
    for (const { question, steps } of [...drawn, ...published.items]) {
      const frontiers = prontoqaFrontiers(question);
      const [, not, property] = / is (not )?(\w+)\.$/.exec(steps.at(-1)!)!;
      expect(frontiers.at(-1), question).toEqual([not ? 'not' : property]);
      expect(frontiers, question).toHaveLength(steps.length);
    }
  });
});
