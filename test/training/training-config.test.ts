// Run files: what is refused (all of it at once), and what is filled in.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { totalSteps } from '../../src/training/schedule.ts';
import { readTrainingConfig, trainingConfigSchema } from '../../src/training/training-config.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type RunFile, tinyRunFile } from '../support/tiny-run.ts';

const minimal = {
  name: 'a-run',
  method: 'coconut',
  seed: 0,
  start: { kind: 'gpt2' },
  model: { layers: 2, width: 16, heads: 2, positions: 64 },
  maxStage: 3,
  data: { kind: 'prosqa', validation: 'valid.json' },
  batch: { groups: 2, perGroup: 2 },
  segments: [
    { trainSteps: 10, learningRate: 1e-3, finalLearningRate: 1e-4 },
    { trainSteps: 5, learningRate: 1e-3, finalLearningRate: 1e-3, stage: 4 },
  ],
  evaluateEverySteps: 5,
  saveEverySteps: 5,
};

function read(content: unknown) {
  const path = join(temporaryDirectory(), 'run.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return readTrainingConfig(path);
}

describe('readTrainingConfig', () => {
  it('fills in what a run file leaves out', () => {
    const config = read(minimal);
    expect(config.optimizer).toEqual({
      hiddenMatrices: 'adamw',
      betas: [0.9, 0.999],
      epsilon: 1e-8,
      weightDecay: 0.01,
      decay: 'matrices',
      clipNorm: 1,
    });
    expect(config.segments[0]).toMatchObject({ task: 'questions', stage: 0, nodes: null });
    expect(config).toMatchObject({ thoughtsPerStep: 1, padThoughts: true, supervision: 'none' });
  });

  it('names every bad key in one error', () => {
    const broken = {
      ...minimal,
      name: 'Not A Name',
      method: 'telepathy',
      batch: { groups: 0, perGroup: 2 },
      optimizer: { betas: [0.9, 1] },
      segments: [{ ...minimal.segments[0], nodes: [8, 5], learningrate: 1 }],
      surprise: true,
    };
    let message = '';
    try {
      read(broken);
    } catch (error) {
      message = (error as Error).message;
    }
    const [head, ...issues] = message.split('\n');
    expect(head).toMatch(/run\.json: 7 problem\(s\)$/);
    const keys = issues.map((issue) => issue.trim().split(': ')[0]!);
    expect(keys.sort()).toEqual([
      '(top level)',
      'batch.groups',
      'method',
      'name',
      'optimizer.betas.1',
      'segments.0',
      'segments.0.nodes',
    ]);
    expect(message).toContain('surprise');
    expect(message).toContain('learningrate');
  });

  it('takes no seed that the batches could not be drawn from', () => {
    const seed = 100_000_000;
    expect(read({ ...minimal, seed }).seed).toBe(seed);
    expect(() => read({ ...minimal, seed: seed + 1 })).toThrow(/seed: .*100000000/);
    const lastSegmentOfMany = (seed * 31 + 1000) * 2 + 1;
    expect(Number.isSafeInteger(lastSegmentOfMany * 1_000_003 + 1e6)).toBe(true);
  });

  it('refuses graph settings for data without graphs, and tokens that come back', () => {
    const data = { kind: 'multiplication', digits: 4, validation: 'valid.txt' };
    const segment = { ...minimal.segments[0], task: 'walks', nodes: [5, 8] };
    const broken = { ...minimal, data, supervision: 'frontier', segments: [segment] };
    expect(() => read(broken)).toThrow(
      /supervision: multiplication has no frontiers[\s\S]*nodes: multiplication has no graphs[\s\S]*no walks over multiplication/,
    );
    const deep = { ...minimal.segments[0], maxHops: 8 };
    expect(() => read({ ...minimal, segments: [deep] })).toThrow(/segments.0.maxHops: only for/);
    const back = { ...minimal.segments[0], removedTokens: { from: 3, to: 1 } };
    expect(() => read({ ...minimal, segments: [back] })).toThrow(/tokens do not come back/);
  });

  it.each([
    ['prosqa', { nodes: [28, 60] }, /ProsQA graphs of 28 to 60 nodes: .* at most 40/],
    ['prosqa', { nodes: [5, 8], minHops: 3 }, /need more than hops.min \+ 2 = 5/],
    ['prosqa', { nodes: [20, 30], minHops: 7 }, /hops must be 1 <= min <= max, got 7 to 6/],
    [
      'prosqa',
      { also: { share: 0.5, nodes: [36, 60], minHops: 7, maxHops: 8 } },
      /also: .*36 to 60/,
    ],
    ['prontoqa', { nodes: [20, 30] }, /ontologies of 6 to 14 concepts, got 20 to 30/],
    ['superposition', { nodes: [28, 32] }, /node numbers run below 31, got up to 32/],
  ])('refuses sizes that %s cannot have: %j', (kind, sizes, message) => {
    const data = { kind, validation: 'valid.json' };
    const segments = [{ ...minimal.segments[0], ...sizes }];
    expect(() => read({ ...minimal, data, segments })).toThrow(message);
  });

  it('refuses what would be without effect, or worse', () => {
    const [segment] = minimal.segments;
    const removing = { ...segment, removedTokens: { from: 0, to: 3, resetOptimizer: true } };
    expect(() => read({ ...minimal, segments: [removing] })).toThrow(
      'segments.0.removedTokens: coconut removes no tokens',
    );
    expect(() => read({ ...minimal, segments: [{ ...segment, rowsWithZeros: 0.5 }] })).toThrow(
      'segments.0.rowsWithZeros: prosqa has no factors',
    );
    const oneDigit = {
      data: { kind: 'multiplication', digits: 1, validation: 'valid.txt' },
      segments: [{ ...segment, rowsWithZeros: 0.5 }],
    };
    expect(() => read({ ...minimal, ...oneDigit })).toThrow(
      'segments.0.rowsWithZeros: a factor of one digit has none that may be zero',
    );
    expect(() => read({ ...minimal, padThoughts: false })).toThrow(/padThoughts: .* a stop head/);
    expect(read({ ...minimal, padThoughts: false, stopHead: {} }).padThoughts).toBe(false);
    expect(read({ ...minimal, method: 'cot', padThoughts: false }).padThoughts).toBe(false);
    expect(() => read({ ...minimal, segments: [{ ...segment, structureWeight: 0 }] })).toThrow(
      /structureWeight: .*>0/,
    );
    const many = Array.from({ length: 32 }, () => segment);
    expect(() => read({ ...minimal, segments: many })).toThrow(/segments: .*<=31/);
  });

  it('trains an adapter of a start checkpoint only, without a stop head', () => {
    const lora = { rank: 8, alpha: 16 };
    expect(() => read({ ...minimal, lora })).toThrow(/lora: an adapter is of a start checkpoint/);
    const start = { kind: 'checkpoint', path: 'models/some' };
    const going = { ...minimal, start, model: null };
    expect(read(going).lora).toBeNull();
    expect(read({ ...going, lora }).lora).toEqual(lora);
    expect(() => read({ ...going, lora, stopHead: {} })).toThrow(
      /lora: an adapter has no stop head/,
    );
    expect(() => read({ ...going, lora: { rank: 0, alpha: 0 } })).toThrow(
      /2 problem\(s\)[\s\S]*lora.rank: [\s\S]*lora.alpha: /,
    );
  });

  it('puts thoughts behind words and into text only where the method has thoughts', () => {
    const segment = { ...minimal.segments[0], task: 'text' };
    expect(() => read({ ...minimal, method: 'cot', wordSteps: 1, segments: [segment] })).toThrow(
      /wordSteps: cot has no thoughts[\s\S]*task: cot has no thoughts to put into text/,
    );
    expect(() => read({ ...minimal, wordSteps: 1, supervision: 'frontier' })).toThrow(
      /wordSteps: frontiers are of a search from the question/,
    );
    expect(() =>
      read({ ...minimal, segments: [{ ...segment, text: { place: [0.5, 0.2] } }] }),
    ).toThrow(/text.place: the range is empty/);
    const whole = read({ ...minimal, segments: [{ ...segment, text: { thoughts: 3 } }] });
    expect(whole.segments[0]!.text).toEqual({ thoughts: 3, place: [0, 1] });
  });

  it('names the file that is no JSON, or not there', () => {
    expect(() => read('{')).toThrow(/run\.json: .*JSON/);
    expect(() => readTrainingConfig('no/such/run.json')).toThrow('no/such/run.json: ENOENT');
  });

  const runs = join(import.meta.dirname, '../../runs');
  const runFiles = readdirSync(runs, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.json'),
  );
  it.each(runFiles)('accepts runs/%s', (name) => {
    expect(totalSteps(readTrainingConfig(join(runs, name)))).toBeGreaterThan(0);
  });
});

describe('where training starts', () => {
  const problems = (changes: Partial<RunFile>) => {
    const parsed = trainingConfigSchema.safeParse({ ...tinyRunFile, ...changes });
    return parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
  };
  const start = { kind: 'checkpoint' as const, path: 'models/base' };

  it('takes sizes with fresh weights, and none with a checkpoint', () => {
    expect(problems({ start, model: null })).toEqual([]);
    expect(problems({ start })).toEqual(['the start checkpoint has its own sizes']);
    expect(problems({ model: null })).toEqual(['fresh weights need sizes']);
  });

  it('parts a batch into equal micro-batches only', () => {
    const batch = { groups: 6, perGroup: 1 };
    expect(problems({ batch: { ...batch, microBatches: 3 } })).toEqual([]);
    expect(problems({ batch: { ...batch, microBatches: 4 } })).toEqual([
      '6 groups do not part into 4',
    ]);
  });
});
