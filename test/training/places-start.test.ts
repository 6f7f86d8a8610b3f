// The places start: which tokens are numbers, and what their positions have in common.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { modelConfigSchema } from '../../src/model/model-config.ts';
import { Random } from '../../src/random.ts';
import { initialWeights } from '../../src/training/initialize.ts';
import { type DigitSpan, digitSpans } from '../../src/training/places-start.ts';
import { loadTrainingData } from '../../src/training/training-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyConfig, tinyLlamaConfig } from '../support/tiny-model.ts';
import { constantRate, noHints, type RunFile, tinyRun } from '../support/tiny-run.ts';

/** Of four digits, and of five. */
const sample = join(import.meta.dirname, '../data/multiplication-sample.txt');

describe('digitSpans', () => {
  it('are runs of digits, a token each', () => {
    const row = ['1', ' 2', ' *', ' 3', '\n', '0', ' 0', ' 7', '###', ' 45', ' 6'];
    expect(digitSpans(row)).toEqual([
      { first: 0, digits: 2 },
      { first: 3, digits: 1 },
      { first: 5, digits: 3 },
      { first: 10, digits: 1 },
    ]);
  });
});

describe('numbers of a data set', () => {
  const segments = [{ trainSteps: 1, ...constantRate(1e-3) }];

  const multiplication = { kind: 'multiplication', digits: 4 } as const;

  const numbersOf = (changes: Partial<RunFile>): DigitSpan[] => {
    const validation = join(temporaryDirectory(), 'four-digits.txt');
    const lines = readFileSync(sample, 'utf8').split('\n');
    writeFileSync(validation, lines.filter((line) => /^(\d ){4}\*/.test(line)).join('\n'));
    const data = { ...multiplication, validation };
    return loadTrainingData(tinyRun({ start: { kind: 'places' }, segments, data, ...changes }))
      .numbers;
  };

  it('are those of every row, question, chain and answer', () => {
    const numbers = numbersOf({ method: 'cot' });
    expect(numbers.map(({ digits }) => digits)).toEqual([4, 4, 5, 6, 6, 7, 7, 8, 8]);
    expect(numbers.map(({ first }) => first)).toEqual([0, 5, 10, 16, 23, 31, 39, 48, 58]);
  });

  it('are where the run begins with them', () => {
    const firsts = (changes: Partial<RunFile>) => numbersOf(changes).map(({ first }) => first);
    expect(firsts({ method: 'no-cot' })).toEqual([0, 5, 11]);
    const removing = [{ ...segments[0]!, removedTokens: { from: 21, to: 21 } }];
    const icot = { method: 'icot', segments: removing } as const;
    expect(firsts(icot)).toEqual([0, 5, 10, 18, 27, 37]);
    const keepPositions = { ...icot, tokenRemoval: { keepPositions: true } };
    expect(firsts(keepPositions)).toEqual([0, 5, 31, 39, 48, 58]);
    const allBeyond = { ...icot, tokenRemoval: { keepPositions: true, allBeyond: 20 } };
    expect(firsts(allBeyond)).toEqual([0, 5, 58]);
    // Two thoughts between their markers stand before the answer, and the whole chain is gone.
    const lastStage = [{ ...segments[0]!, stage: 3 }];
    expect(firsts({ method: 'coconut', segments: lastStage })).toEqual([0, 5, 15]);
  });

  it('are refused where one row has them elsewhere', () => {
    const mixed = tinyRun({
      method: 'cot',
      start: { kind: 'places' },
      segments,
      data: { ...multiplication, validation: sample },
    });
    expect(() => loadTrainingData(mixed)).toThrow(
      'places start: "3 5 4 1 1 * 2 1 4 6 5" has its numbers elsewhere than "5 6 3 2 * 7 4 3 4"',
    );
  });
});

describe('the places start', () => {
  const config = modelConfigSchema.parse(tinyConfig('cot'));
  const numbers = [
    { first: 0, digits: 3 },
    { first: 4, digits: 2 },
    { first: 9, digits: 3 },
  ];
  const places = { kind: 'places', scale: 0.5 } as const;
  const hints = { ...noHints, numbers };
  const plain = initialWeights(config, { kind: 'gpt2' }, hints, new Random(1));
  const weights = initialWeights(config, places, hints, new Random(1));
  const width = 16;
  const wpe = 'transformer.wpe.weight';
  const added = (position: number): number[] =>
    Array.from({ length: width }, (_, d) => {
      const at = position * width + d;
      return weights.get(wpe)![at]! - plain.get(wpe)![at]!;
    });
  const minus = (a: number[], b: number[]): number[] => a.map((x, d) => x - b[d]!);
  const closeTo = (a: number[]) => a.map((x) => expect.closeTo(x, 5));

  it('changes GPT-2’s in nothing but the positions of digits and of where a first one is asked for', () => {
    for (const [name, values] of plain) if (name !== wpe) expect(weights.get(name)).toEqual(values);
    const changed = Array.from({ length: 14 }, (_, p) => p).filter((p) =>
      added(p).some((x) => x !== 0),
    );
    expect(changed).toEqual([0, 1, 2, 3, 4, 5, 8, 9, 10, 11]);
  });

  it('adds the same for a place in every number, and the same for a number at every place', () => {
    const between = minus(added(9), added(0));
    expect(minus(added(10), added(1))).toEqual(closeTo(between));
    expect(minus(added(11), added(2))).toEqual(closeTo(between));
    expect(minus(added(3), added(8))).toEqual(closeTo(minus(added(4), added(9))));
    expect(Math.hypot(...between)).toBeGreaterThan(0.5);
    expect(Math.hypot(...minus(added(1), added(0)))).toBeGreaterThan(0.5);
  });

  it('is refused without numbers, and of a model without a position embedding', () => {
    expect(() => initialWeights(config, places, noHints, new Random(1))).toThrow(
      'places start: the rows have no numbers',
    );
    expect(() => initialWeights(tinyLlamaConfig(), places, hints, new Random(1))).toThrow(
      'places start: laid out for gpt2, the model is llama',
    );
  });
});
