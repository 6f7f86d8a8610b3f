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

  it('draws the share of rows with zeros that is asked for, of all numbers of terms', () => {
    const random = new Random(3);
    const zerosOf = (share: number): number[] =>
      Array.from({ length: 400 }, () => {
        const { question } = parseLine(toLine(drawMultiplication(random, 4, share)));
        const factors = question.split(' * ');
        for (const factor of factors) expect(factor.at(-1)).not.toBe('0');
        return [...question].filter((character) => character === '0').length;
      });
    const shareOf = (zeros: readonly number[], wanted: (count: number) => boolean): number =>
      zeros.filter(wanted).length / zeros.length;
    // Six digits may be zero: 0.53 of the plain rows have none, and less than 0.02 have three or more.
    const [none, all] = [zerosOf(0), zerosOf(1)];
    expect(shareOf(none, (count) => count === 0)).toBeCloseTo(0.53, 1);
    expect(shareOf(none, (count) => count >= 3)).toBeLessThan(0.05);
    for (let count = 0; count <= 6; count++)
      expect(shareOf(all, (zeros) => zeros === count)).toBeGreaterThan(0.05);
    expect(shareOf(zerosOf(0.5), (count) => count >= 3)).toBeCloseTo(
      shareOf(all, (count) => count >= 3) / 2,
      1,
    );
  });

  it('spends no random number on zeros that nobody asks for, so that older runs go on as they were', () => {
    const random = new Random(5);
    const digits = [10, 10, 10, 9, 10, 10, 10, 9].map((below) => 10 - below + random.int(below));
    expect(drawMultiplication(new Random(5), 4).question).toBe(
      `${digits.slice(0, 4).join(' ')} * ${digits.slice(4).join(' ')}`,
    );
  });
});
