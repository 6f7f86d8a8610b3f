// Symbolic ProsQA: same graph, same answer, other names; the published neighbours are checked.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/random.ts';
import { questionFrontiers, readProsqa } from '../../../src/training/datasets/prosqa.ts';
import {
  readSuperposition,
  symbolicFrontiers,
  toSymbolic,
} from '../../../src/training/datasets/superposition.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const file = join(import.meta.dirname, '../../data/superposition-sample.json');
const items = readProsqa(file, 'throw').items;

describe('superposition', () => {
  it('writes edges, options and root as node numbers', () => {
    const [first] = readSuperposition(file, 'throw').items;
    expect(first!.question).toMatch(/^0 2 \| 1 3 \| .* \| 1 17 \[Q\] 16 13 \[R\] 1$/);
    expect(first).toMatchObject({ steps: ['3', '14', '16'], answer: '16' });
  });

  it('draws numbers and orders anew, and keeps the graph', () => {
    const random = new Random(1);
    for (const item of items) {
      const [one, two] = [toSymbolic(item, random), toSymbolic(item, random)];
      expect(one.question).not.toBe(two.question);
      const sizes = (levels: string[][]) => levels.map((level) => level.length);
      const expected = sizes(questionFrontiers(item.example.question).slice(1));
      expect(sizes(symbolicFrontiers(one.question))).toEqual(expected);
      expect(one.steps.at(-1)).toBe(one.answer);
      one.steps.forEach((step, hop) => {
        expect(symbolicFrontiers(one.question)[hop]).toContain(step);
      });
    }
  });

  it('refuses neighbours that the graph does not have', () => {
    const raw = JSON.parse(readFileSync(file, 'utf8')) as {
      neighbor_k: Record<string, number[]>;
    }[];
    raw[0]!.neighbor_k['1'] = [4];
    const path = join(temporaryDirectory(), 'broken.json');
    writeFileSync(path, JSON.stringify(raw));
    expect(() => readSuperposition(path, 'throw')).toThrow(
      /item 0: neighbor_k\.1 is \[4\], the graph says \[3\]/,
    );
  });
});
