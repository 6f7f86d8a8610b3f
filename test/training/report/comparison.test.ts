// The comparison's tables: spreads over seeds, the paper beside, what is not trained, paired tests, sets.
import { describe, expect, it } from 'vitest';
import {
  generatedRows,
  methodRows,
  pairedRows,
  thoughtRows,
} from '../../../src/training/report/comparison.ts';
import { comparisonPage } from '../../../src/training/report/comparison-page.ts';
import { measuredRun, measurement } from '../../support/measurements.ts';

describe('methodRows', () => {
  it('has mean ± spread over seeds, the paper beside, in the paper’s order', () => {
    const cot = { checkpoint: 'c', method: 'cot' };
    const { rows } = methodRows(
      'prosqa',
      [
        measurement({ checkpoint: 'a1' }),
        measurement({ checkpoint: 's', supervision: 'frontier', variant: 'w' }),
        measurement({ ...cot, filler: 'none', variant: 'x', examples: null }),
        measurement({ checkpoint: 'a2', seed: 2, asTrained: measuredRun(94) }),
      ],
      [],
    );
    expect(rows.slice(0, 1)).toEqual([['cot', '1', '?', '90.0', '9.0', '77.5 ± 1.9', '49.4']]);
    expect(rows.slice(4, 6)).toEqual([
      ['coconut', '2', '640,000', '92.0 ± 2.8', '9.0 ± 0.0', '97.0 ± 0.3', '14.2'],
      ['coconut, frontier-supervised', '1', '640,000', '90.0', '9.0', '', ''],
    ]);
  });

  it('keeps runs that differ in more than their seed apart, by name', () => {
    const { rows } = methodRows(
      'prosqa',
      [measurement({ checkpoint: 'short' }), measurement({ checkpoint: 'long', variant: 'w' })],
      [],
    );
    const labels = rows.map(([label]) => label);
    expect(labels).toContain('coconut (short)');
    expect(labels).toContain('coconut (long)');
  });

  it('lists what the paper or a run file has and nobody trained', () => {
    const { rows } = methodRows(
      'prosqa',
      [],
      [{ method: 'coconut', supervision: 'frontier', options: '' }],
    );
    expect(rows).toHaveLength(9);
    expect(rows).toContainEqual(['pause', '0', '', 'not trained', '', '75.9 ± 0.7', '8.2']);
    expect(rows).toContainEqual([
      'coconut, frontier-supervised',
      '0',
      '',
      'not trained',
      '',
      '',
      '',
    ]);
    const planned = [{ method: 'icot', supervision: 'none', options: '' }];
    expect(methodRows('multiplication', [], planned).rows).toEqual([
      ['icot', '0', '', 'not trained', '', '', ''],
    ]);
  });
});

it('thoughtRows has a column per number of thoughts', () => {
  const byThoughts = [measuredRun(4), measuredRun(50), measuredRun(83)];
  expect(thoughtRows([measurement({ byThoughts }), measurement()])).toEqual({
    head: ['thoughts', '0', '1', '2'],
    rows: [['a', '4.0', '50.0', '83.0']],
  });
  expect(thoughtRows([measurement()])).toBeNull();
});

it('pairedRows tests who thinks against who does not', () => {
  const cot = measurement({
    checkpoint: 'c',
    method: 'cot',
    filler: 'none',
    asTrained: measuredRun(60),
  });
  const paired = pairedRows([measurement(), measurement({ checkpoint: 'b' }), cot]);
  expect(paired!.rows).toEqual([
    ['a / c', '30', '0', '< 0.001'],
    ['b / c', '30', '0', '< 0.001'],
  ]);
  expect(pairedRows([cot])).toBeNull();
});

it('generatedRows has a column per set, and the replication’s figures beneath', () => {
  const on = (name: string, right: number) =>
    measurement({
      data: { name, sha256: name, items: 100, generated: true },
      asTrained: measuredRun(right),
    });
  const unrecorded = { ...on('7-hop', 60), checkpoint: 'b', longestQuestion: null };
  const table = generatedRows([on('7-hop', 80), on('balanced', 70), unrecorded, measurement()])!;
  expect(table.head).toEqual(['accuracy (%)', 'trained to hops', '7-hop', 'balanced']);
  expect(table.rows[0]).toEqual(['a', '6', '80.0', '70.0']);
  expect(table.rows[1]).toEqual(['b', '?', '60.0', '']);
  expect(table.rows).toContainEqual(['Coconut, GPT-2, replication', '6', '66.0', '']);
  expect(generatedRows([measurement()])).toBeNull();
});

describe('comparisonPage', () => {
  it('has a part per data file, also for data sets that nothing was trained on', () => {
    const icot = measurement({
      kind: 'multiplication',
      method: 'icot',
      filler: 'none',
      data: { name: '4x4.txt', sha256: 'e', items: 100, generated: false },
    });
    const page = comparisonPage(
      [measurement(), icot],
      [{ kind: 'superposition', method: 'coconut', supervision: 'none', options: '' }],
    );
    const titles = [...page.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    expect(titles).toEqual([
      'prosqa: valid.json, 100 items',
      'multiplication: 4x4.txt, 100 items',
      'gsm8k',
      'prontoqa',
      'superposition',
    ]);
    const changed = { ...measurement().data, sha256: 'f'.repeat(64) };
    const apart = comparisonPage([measurement(), measurement({ data: changed })], []);
    expect(apart.match(/## prosqa: valid.json, 100 items/g)).toHaveLength(2);
    expect(apart).not.toContain('| coconut | 2 |');
    expect(page).toContain('| icot | 1 | 640,000 | 90.0 | 9.0 |  |  |');
    expect(page).toContain('| cot | 0 |  | not trained |  | 42.9 ± 0.2 | 25.0 |');
  });
});
