// The comparison's arithmetic: spreads over seeds, the paper's figures beside, exact paired tests.
import { describe, expect, it } from 'vitest';
import {
  type Measured,
  mcNemar,
  methodTable,
  pairedTable,
  sweepTable,
} from '../../../src/training/report/comparison.ts';

const run = (changes: Partial<Measured>): Measured => ({
  checkpoint: 'a',
  method: 'coconut',
  supervision: 'none',
  kind: 'prosqa',
  data: 'valid.json',
  items: 300,
  accuracy: 0.9,
  tokens: 9,
  ...changes,
});

describe('methodTable', () => {
  it('has mean ± spread over runs, the paper beside, in the paper’s order', () => {
    const table = methodTable([
      run({ accuracy: 0.9 }),
      run({ supervision: 'frontier', accuracy: 0.99 }),
      run({ method: 'cot', accuracy: 0.75, tokens: 45.7 }),
      run({ accuracy: 0.94, tokens: 10 }),
    ]);
    expect(table.split('\n')).toEqual([
      'valid.json, 300 items',
      '',
      '| method | runs | accuracy (%) | tokens | paper: accuracy | paper: tokens |',
      '| --- | ---: | ---: | ---: | ---: | ---: |',
      '| cot | 1 | 75.0 | 45.7 | 77.5 ± 1.9 | 49.4 |',
      '| coconut | 2 | 92.0 ± 2.8 | 9.5 ± 0.7 | 97.0 ± 0.3 | 14.2 |',
      '| coconut, frontier-supervised | 1 | 99.0 | 9.0 | 97.0 ± 0.3 | 14.2 |',
    ]);
  });

  it('leaves the paper’s cells empty where it says nothing, and keeps data files apart', () => {
    const table = methodTable([
      run({ kind: 'multiplication', data: '4x4.txt', method: 'icot', accuracy: 1 }),
      run({ method: 'own-idea' }),
    ]);
    expect(table).toContain('4x4.txt, 300 items');
    expect(table).toContain('| icot | 1 | 100.0 | 9.0 |  |  |');
    expect(table).toContain('| own-idea | 1 | 90.0 | 9.0 |  |  |');
  });
});

describe('mcNemar', () => {
  const items = (both: number, first: number, second: number): [boolean[], boolean[]] => [
    [...Array(both + first).fill(true), ...Array(second).fill(false)],
    [...Array(both).fill(true), ...Array(first).fill(false), ...Array(second).fill(true)],
  ];

  // Two-sided binomial probabilities worked out by hand: 2 · Σ C(n, k) / 2^n.
  it.each([
    [0, 0, 1],
    [1, 0, 1],
    [5, 0, 0.0625],
    [0, 5, 0.0625],
    [8, 2, (2 * (1 + 10 + 45)) / 1024],
    [3, 3, 1],
  ])('%i against %i discordant items: p = %d', (first, second, p) => {
    const outcome = mcNemar(...items(20, first, second));
    expect(outcome).toMatchObject({ onlyFirst: first, onlySecond: second });
    expect(outcome.p).toBeCloseTo(p, 10);
  });

  it('stays finite for thousands of items, and refuses lists of two lengths', () => {
    expect(mcNemar(...items(0, 3000, 2000)).p).toBeLessThan(1e-30);
    expect(() => mcNemar([true], [])).toThrow('paired test: 1 items against 0');
  });

  it('prints small probabilities as bounds', () => {
    const outcome = { onlyFirst: 40, onlySecond: 2, p: 1e-9 };
    expect(pairedTable([{ first: 'a', second: 'b', outcome }])).toContain(
      '| a / b | 40 | 2 | < 0.001 |',
    );
  });
});

it('sweepTable has a column per number of thoughts', () => {
  const table = sweepTable([{ checkpoint: 'a', accuracies: [0.043, 0.5, 0.8333] }]);
  expect(table).toContain('| checkpoint | 0 | 1 | 2 |');
  expect(table).toContain('| a | 4.3 | 50.0 | 83.3 |');
});
