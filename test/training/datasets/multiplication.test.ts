// The generator writes the published lines to the character: each is rebuilt from its own factors.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/random.ts';
import {
  drawMultiplication,
  parseLine,
  toLine,
} from '../../../src/training/datasets/multiplication.ts';

const lines = readFileSync(
  join(import.meta.dirname, '../../data/multiplication-sample.txt'),
  'utf8',
)
  .trimEnd()
  .split('\n');

describe('multiplication', () => {
  it.each(lines)('%s', (line) => {
    expect(toLine(parseLine(line))).toBe(line);
  });

  it('has a step for each digit of the second factor', () => {
    expect(parseLine(lines[0]!).steps).toEqual([
      '5 5 5 6 1',
      '0 0 6 4 9 0 ( 5 5 1 1 1 1 )',
      '0 0 5 9 0 7 0 ( 5 5 6 0 2 8 0 )',
      '0 0 0 0 6 4 9 0',
    ]);
  });

  it('refuses a line whose arithmetic or layout is off', () => {
    expect(() => parseLine(lines[0]!.replace('0 1', '1 1'))).toThrow(/makes/);
    expect(() => parseLine('12 * 3||…')).toThrow(/line is not/);
  });

  it.each([1, 2, 4, 9])('draws factors of %i digits whose products are right', (size) => {
    const random = new Random(size);
    for (let i = 0; i < 50; i++) {
      const { question, answer } = drawMultiplication(random, size);
      const value = (text: string) => BigInt(text.split(' ').reverse().join(''));
      const [a, b] = question.split(' * ');
      expect(value(answer)).toBe(value(a!) * value(b!));
      for (const factor of [a!, b!]) {
        expect(factor.split(' ')).toHaveLength(size);
        expect(factor.at(-1)).not.toBe('0');
      }
      expect(answer.split(' ')).toHaveLength(2 * size);
    }
  });
});
