import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/random.ts';
import { readProsqa } from '../../../src/training/datasets/prosqa.ts';
import { PROSQA_SIZES, ProsqaGenerator } from '../../../src/training/datasets/prosqa-generator.ts';
import {
  type MeasureName,
  PAPER_STATISTICS,
  prosqaStatistics,
} from '../../../src/training/datasets/prosqa-statistics.ts';

/**
 * The 300 items of prosqa_valid.json (facebookresearch/coconut), measured by `npm run data -- stats`, each with the
 * distance that 2,000 generated items may keep: about three standard errors of the difference.
 */
const PUBLISHED_VALIDATION: [MeasureName, mean: number, tolerance: number][] = [
  ['nodes', 22.82, 0.4],
  ['edges', 36.26, 1.1],
  ['names', 2.51, 0.15],
  ['hops', 3.75, 0.15],
  ['hops = 3 (%)', 41.33, 9],
  ['hops = 4 (%)', 44.33, 9],
  ['hops = 5 (%)', 12.0, 6],
  ['hops = 6 (%)', 2.33, 3],
  ['shortest paths', 1.61, 0.17],
  ['in-degree 0 (% of nodes)', 11.07, 0.8],
  ['in-degree 1 (% of nodes)', 43.69, 1.8],
  ['in-degree 2 (% of nodes)', 27.73, 1.6],
  ['in-degree 3 (% of nodes)', 12.32, 1.3],
  ['in-degree 4+ (% of nodes)', 5.18, 0.9],
  ['root out-degree', 2.92, 0.23],
  ['reachable nodes', 12.37, 0.5],
  ['reachable leaves', 4.82, 0.3],
  ['frontier after 2 hops', 4.4, 0.32],
  ['frontier after 4 hops', 1.34, 0.25],
  ['target in-degree', 1.5, 0.14],
  ['distractor in-degree', 2.09, 0.2],
  ['shortcut "lower in-degree" right (%)', 66.67, 7],
  ['shortcut "more ancestors" right (%)', 69.83, 8],
];

describe('generated ProsQA', () => {
  const generator = new ProsqaGenerator(new Random(11), { ...PROSQA_SIZES, excluded: new Set() });
  const generated = prosqaStatistics(Array.from({ length: 2000 }, () => generator.next()));

  it.each(PUBLISHED_VALIDATION)('has the published %s: %d ± %d', (name, mean, tolerance) => {
    expect(Math.abs(generated[name] - mean)).toBeLessThan(tolerance);
  });

  it.each(Object.entries(PAPER_STATISTICS))('is within 5%% of the paper’s %s: %d', (name, mean) => {
    expect(Math.abs(generated[name as MeasureName] - mean) / mean).toBeLessThan(0.05);
  });
});

describe('prosqaStatistics', () => {
  it('measures one item by hand count', () => {
    const [item] = readProsqa('test/data/prosqa-sample.json', 'throw').items;
    expect(prosqaStatistics([item!])).toMatchObject({
      nodes: 18,
      edges: 23,
      names: 3,
      hops: 3,
      'hops = 3 (%)': 100,
      'shortest paths': 1,
      'root out-degree': 2,
      'target in-degree': 1,
      'distractor in-degree': 1,
      'shortcut "lower in-degree" right (%)': 50,
      'shortcut "more ancestors" right (%)': 0,
    });
  });

  it('refuses an empty set', () => {
    expect(() => prosqaStatistics([])).toThrow('no items');
  });
});
