// Accuracy, token counts and their interval, from results.
import { describe, expect, it } from 'vitest';
import type { ThoughtControl } from '../../src/model/thought-control.ts';
import {
  type ItemResult,
  spoiltThoughts,
  summarizeRun,
  wilsonInterval,
} from '../../src/training/evaluate.ts';
import { evaluationTable } from '../../src/training/evaluate-command.ts';
import { evalReportOf } from '../support/eval-reports.ts';

const result = (correct: boolean, thoughts: number, textTokens: number): ItemResult => ({
  correct,
  text: '',
  thoughts,
  textTokens,
  isCut: false,
  vectors: null,
});

describe('summarizeRun', () => {
  it('counts what is right, thoughts and text apart, and both together', () => {
    const run = summarizeRun([result(true, 6, 8), result(false, 6, 12), result(true, 3, 10)]);
    expect(run).toMatchObject({ items: 3, correct: 2, accuracy: 2 / 3, mean_thoughts: 5 });
    expect(run.mean_text_tokens).toBeCloseTo(10, 12);
    expect(run.sd_text_tokens).toBeCloseTo(Math.sqrt(8 / 3), 12);
    expect(run.mean_total_tokens).toBeCloseTo(15, 12);
  });
});

describe('spoiltThoughts', () => {
  const item: ItemResult = { ...result(true, 2, 6), vectors: Float32Array.of(3, 4, 0, 0, 5, 12) };
  const spoilt = (control: ThoughtControl) => {
    const source = spoiltThoughts([item], control)(0);
    if (source.kind !== 'given') throw new Error(source.kind);
    const numbers = [...source.vectors];
    return [numbers.slice(0, 3), numbers.slice(3)];
  };

  it('spoils each thought by itself', () => {
    expect(spoilt('zero').flat()).toEqual([0, 0, 0, 0, 0, 0]);
    const sorted = spoilt('shuffle').map((numbers) => numbers.sort((a, b) => a - b));
    expect(sorted).toEqual([
      [0, 3, 4],
      [0, 5, 12],
    ]);
    const [first, second] = spoilt('noise');
    expect(Math.hypot(...first!)).toBeCloseTo(5, 5);
    expect(Math.hypot(...second!)).toBeCloseTo(13, 5);
    expect(first).not.toEqual([3, 4, 0]);
  });
});

describe('wilsonInterval', () => {
  it.each([
    // Newcombe 1998, table I: method 3.
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('of %i in %i', (successes, trials, low, high) => {
    const interval = wilsonInterval(successes, trials);
    expect(interval[0]).toBeCloseTo(low, 4);
    expect(interval[1]).toBeCloseTo(high, 4);
  });
});

describe('evaluationTable', () => {
  it('has a row per way of running, and compares with the baseline where there is one', () => {
    const report = evalReportOf('a'.repeat(64));
    const baseline = {
      checkpoint: 'prosqa-cot',
      checkpoint_sha256: 'b'.repeat(64),
      accuracy: 0.775,
      mean_text_tokens: 49.4,
      sd_text_tokens: 3,
      items: 300,
    };
    const table = evaluationTable('prosqa-coconut', { ...report, cot_baseline: baseline });
    expect(table).toMatchInlineSnapshot(`
      "prosqa-valid: 300 items
                                   acc.   95% interval thoughts text tokens    sum
      prosqa-coconut              97.0%   [94.4, 98.4]      6.0         8.3   14.3
        without thoughts          50.0%   [94.4, 98.4]      0.0         8.3    8.3
      against prosqa-cot (77.5%, 49.4 tokens): 19.5 points, 28.8% of its tokens"
    `);
    expect(evaluationTable('prosqa-coconut', report)).not.toContain('against');
  });
});
