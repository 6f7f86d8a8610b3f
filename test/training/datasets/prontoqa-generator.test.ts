// Generated items pass the reader's own checks and have the published make-up.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/random.ts';
import {
  readProntoqa,
  sentencesOf,
  splitProntoqa,
} from '../../../src/training/datasets/prontoqa.ts';
import { drawProntoqa } from '../../../src/training/datasets/prontoqa-generator.ts';
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
