// Batches follow from seed and step number alone, stages are mixed as often as asked for, and no
// validation item is ever trained on.
import '../support/to-be-allclose.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/onnx/device.ts';
import { Random } from '../../src/random.ts';
import { BatchSource } from '../../src/training/batch-source.ts';
import type { TrainBatch } from '../../src/training/collate.ts';
import { shapePlan } from '../../src/training/compiled-shapes.ts';
import { splitQuestion } from '../../src/training/datasets/prosqa.ts';
import type { TrainingConfig } from '../../src/training/training-config.ts';
import { loadTrainingData } from '../../src/training/training-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { constantRate, tinyRun } from '../support/tiny-run.ts';

const small = { nodes: [5, 6] as [number, number], minHops: 1, ...constantRate(1e-3) };
const data = loadTrainingData(tinyRun());
const sourceOf = (config: TrainingConfig) => new BatchSource(config, data);

const bytesOf = ({ feeds }: TrainBatch): Record<string, string> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { data }]) => [
      name,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
    ]),
  );

describe('a batch', () => {
  const config = tinyRun({ segments: [{ ...small, trainSteps: 40, stage: 3 }] });

  it('is the same whether it is drawn in order, alone or out of order', () => {
    const inOrder = sourceOf(config);
    const batches = Array.from({ length: 20 }, (_, step) =>
      bytesOf(inOrder.batch(step).batches[0]!),
    );
    const jumping = sourceOf(config);
    for (const step of [19, 0, 17, 3]) {
      expect(bytesOf(jumping.batch(step).batches[0]!)).toEqual(batches[step]);
    }
    expect(bytesOf(sourceOf(config).batch(7).batches[0]!)).toEqual(batches[7]);
  });

  it('differs from the next one, from the next pool, and from that of another seed', () => {
    const source = sourceOf(config);
    const [first, second, later] = [0, 1, 16].map((step) =>
      bytesOf(source.batch(step).batches[0]!),
    );
    const reseeded = bytesOf(sourceOf({ ...config, seed: 4 }).batch(0).batches[0]!);
    for (const other of [second, later, reseeded]) {
      expect(other!['context_ids']).not.toEqual(first!['context_ids']);
    }
  });

  it('differs between two segments of the same settings', () => {
    const twice = tinyRun({ segments: [1, 2].map(() => ({ ...small, trainSteps: 1 })) });
    const source = sourceOf(twice);
    expect(bytesOf(source.batch(1).batches[0]!)).not.toEqual(bytesOf(source.batch(0).batches[0]!));
  });

  it('has the same rows for CUDA, in fewer shapes', () => {
    const long = tinyRun({ segments: [{ ...small, nodes: [5, 24], trainSteps: 64, stage: 1 }] });
    const rows = (device: Device): { shapes: Set<string>; rows: unknown[] } => {
      const source = new BatchSource(long, data, shapePlan(device, 0));
      const batches = Array.from({ length: 64 }, (_, step) => source.batch(step).batches[0]!);
      const shapes = new Set(batches.map(({ shape }) => JSON.stringify(shape)));
      return { shapes, rows: batches.map(({ rows }) => rows) };
    };
    const [cpu, cuda] = [rows('cpu'), rows('cuda')];
    expect(cuda.rows).toEqual(cpu.rows);
    expect(cuda.shapes.size).toBeLessThan(cpu.shapes.size / 2);
  });

  it('asks about paths of the lengths its segment names, and a share about others', () => {
    const deep = { nodes: [32, 36] as [number, number], minHops: 7, maxHops: 8 };
    const lengthsOf = (settings: object, groups: number): number[] => {
      const { segments } = tinyRun({ segments: [{ ...small, ...settings, trainSteps: 1 }] });
      const random = new Random(1);
      const drawn = data.groups({ random, segment: segments[0]!, groups, perGroup: 4, first: 0 });
      return drawn.flatMap(({ examples }) => examples.map(({ steps }) => steps.length));
    };
    expect(new Set(lengthsOf(deep, 3))).toEqual(new Set([7, 8]));
    const mixed = lengthsOf({ also: { share: 0.25, ...deep } }, 40);
    const share = mixed.filter((length) => length >= 7).length / mixed.length;
    expect(share).toBeGreaterThan(0.1);
    expect(share).toBeLessThan(0.45);
  });

  it('has as many rows with zeros as its segment asks for', () => {
    const validation = join(import.meta.dirname, '../data/multiplication-sample.txt');
    const zerosOf = (rowsWithZeros: number): number => {
      const run = tinyRun({
        method: 'icot',
        data: { kind: 'multiplication', digits: 4, validation },
        segments: [{ trainSteps: 1, ...constantRate(1e-3), rowsWithZeros }],
      });
      const draw = { random: new Random(1), segment: run.segments[0]!, groups: 1, first: 0 };
      const [group] = loadTrainingData(run).groups({ ...draw, perGroup: 200 });
      const digits = group!.examples.map(({ question }) => question).join('');
      return [...digits].filter((character) => character === '0').length / (200 * 6);
    };
    // Of the six digits that may be zero a tenth are anyway, and of the others in a row with zeros half.
    expect(zerosOf(0)).toBeCloseTo(0.1, 1);
    expect(zerosOf(1)).toBeCloseTo(0.55, 1);
  });

  it('holds groups × perGroup rows with the stage its segment asks for', () => {
    const { batches, stage } = sourceOf(config).batch(0);
    const [batch] = batches as [TrainBatch];
    expect(stage).toBe(3);
    expect(batch.shape).toMatchObject({ contexts: 2, rows: 4, thoughts: 2, unlabelled: 1 });
  });

  it('of walks has neither thoughts nor markers', () => {
    const walks = tinyRun({ segments: [{ ...small, task: 'walks', trainSteps: 1 }] });
    const [batch] = sourceOf(walks).batch(0).batches as [TrainBatch];
    expect(batch.shape).toMatchObject({ thoughts: 0, unlabelled: 0 });
    const { bot, eot } = data.vocabulary;
    const ids = ['context', 'question', 'tail'].flatMap((part) =>
      Array.from(batch.feeds[`${part}_ids`]!.data, Number),
    );
    expect(ids).not.toContain(bot);
    expect(ids).not.toContain(eot);
  });
});

describe('a batch of text', () => {
  const text = { thoughts: 3, place: [0.25, 0.75] as [number, number] };
  const config = tinyRun({ segments: [{ ...small, task: 'text', text, trainSteps: 8 }] });
  const rowsOf = (step: number) => {
    const [{ feeds, rows, ...batch }] = sourceOf(config).batch(step).batches as [TrainBatch];
    const { data: ids, dims } = feeds['question_ids']!;
    const asked = rows.map((_, b) =>
      data.tokenizer.decode([...ids.slice(b * dims[1]!, (b + 1) * dims[1]!)].map(Number)),
    );
    const tails = rows.map(({ tailIds }) => tailIds);
    return { ...batch, asked, tails };
  };

  it('has thoughts between the markers, and no word of a question', () => {
    const { shape, tails, thoughtCounts } = rowsOf(0);
    expect(shape).toMatchObject({ rows: 4, contexts: 2, thoughts: 3, unlabelled: 1 });
    expect(thoughtCounts).toEqual([3, 3, 3, 3]);
    for (const tail of tails) {
      expect([tail[0], tail.at(-1)]).toEqual([data.vocabulary.eot, data.vocabulary.eos]);
      expect(data.tokenizer.decode(tail)).not.toContain('?');
    }
  });

  it('breaks the text at another place in each row', () => {
    const lengths = Array.from({ length: 8 }, (_, step) => rowsOf(step).tails).flat();
    expect(new Set(lengths.map((tail) => tail.length)).size).toBeGreaterThan(4);
  });

  it('is the same whenever it is drawn, and has no loss beside that of the text', () => {
    const source = sourceOf({ ...config, supervision: 'frontier' });
    const [first, again] = [source.batch(5), source.batch(5)].map(({ batches }) => batches[0]!);
    expect(bytesOf(again!)).toEqual(bytesOf(first!));
    expect(first!.shape.objectives).toEqual([]);
  });
});

describe('mixed stages', () => {
  const steps = 320;
  const stagesOf = (mixedStageProbability: number, method: TrainingConfig['method']) => {
    const segment = { ...small, trainSteps: steps, stage: 1, mixedStageProbability };
    const config = tinyRun({ method, batch: { groups: 1, perGroup: 1 }, segments: [segment] });
    const source = sourceOf(config);
    const counts = [0, 0, 0, 0];
    for (let step = 0; step < steps; step++) counts[source.batch(step).stage]!++;
    return counts.map((count) => count / steps);
  };

  it('come as often as asked for, the four stages alike, the last one included', () => {
    const shares = stagesOf(0.4, 'coconut');
    // Standard deviations: 0.017 for a share of 0.1, 0.026 for one of 0.7.
    [0.1, 0.7, 0.1, 0.1].forEach((share, stage) => {
      expect(Math.abs(shares[stage]! - share), `stage ${stage}`).toBeLessThan(0.07);
    });
  });

  it('do not come unasked, and leave methods without a schedule alone', () => {
    expect(stagesOf(0, 'coconut')).toEqual([0, 1, 0, 0]);
    expect(stagesOf(0.4, 'cot')).toEqual([1, 0, 0, 0]);
  });
});

describe('iCoT', () => {
  const removedTokens = { from: 0, to: 3, resetOptimizer: true };
  const segment = { ...small, trainSteps: 8, removedTokens };
  const config = (changes: object = {}) =>
    tinyRun({
      method: 'icot',
      tokenRemoval: { smoothing: null, ...changes },
      segments: [segment, { ...small, trainSteps: 1, removedTokens: { from: 500, to: 500 } }],
    });
  const steps = Array.from({ length: 9 }, (_, step) => step);
  const labelsOf = (from: TrainingConfig) => {
    const source = sourceOf(from);
    return steps.map((step) => source.batch(step).batches[0]!.labelMask.reduce((a, b) => a + b, 0));
  };

  it('removes one token more at even distances, and resets the optimiser each time it does', () => {
    const source = sourceOf(config());
    const batches = steps.map((step) => source.batch(step));
    expect(batches.map((batch) => batch.removedTokens)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 500]);
    const resets = batches.map((batch) => batch.resetsOptimizer);
    expect(resets).toEqual([false, false, true, false, true, false, true, false, false]);
  });

  it('resets where the next segment goes on removing, not where it begins with as many gone', () => {
    const to = (from: number, to: number) => ({
      ...small,
      trainSteps: 2,
      removedTokens: { from, to, resetOptimizer: true },
    });
    const run = { method: 'icot' as const, tokenRemoval: { smoothing: null } };
    const source = sourceOf(tinyRun({ ...run, segments: [to(0, 1), to(2, 3), to(3, 3)] }));
    const resets = [0, 1, 2, 3, 4, 5].map((step) => source.batch(step).resetsOptimizer);
    expect(resets).toEqual([false, true, true, true, false, false]);
  });

  it('takes the tokens out of the loss: each of four rows has as many labels fewer', () => {
    const none = labelsOf({ ...config(), method: 'cot' });
    const some = labelsOf(config());
    expect(none.slice(0, 8).map((labels, step) => labels - some[step]!)).toEqual([
      0, 0, 4, 4, 8, 8, 12, 12,
    ]);
    expect(some[8]).toBe(labelsOf({ ...config(), method: 'no-cot' })[8]);
  });

  it('takes the whole chain and resets no more from the threshold on', () => {
    const cut = config({ allBeyond: 2 });
    const noCot = labelsOf({ ...cut, method: 'no-cot' });
    expect(labelsOf(cut).slice(4)).toEqual(noCot.slice(4));
    const source = sourceOf(cut);
    const resets = steps.map((step) => source.batch(step).resetsOptimizer);
    expect(resets).toEqual([false, false, true, false, true, false, false, false, false]);
  });
});

it('structureWeight lets labels that are no entity count less; the weights still sum to 1', () => {
  const segment = { ...small, task: 'walks' as const, trainSteps: 1, structureWeight: 0.25 };
  const { feeds, labelMask } = sourceOf(tinyRun({ segments: [segment] })).batch(0).batches[0]!;
  const weights = feeds['label_weights']!.data as Float32Array;
  const labelled = [...weights].filter((_, i) => labelMask[i] === 1);
  const [light, heavy] = [Math.min(...labelled), Math.max(...labelled)];
  expect(light / heavy).toBeCloseTo(0.25, 5);
  expect(labelled.every((w) => w === light || w === heavy)).toBe(true);
  expect(labelled.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 5);
  expect([...weights].filter((_, i) => labelMask[i] === 0).every((w) => w === 0)).toBe(true);
});

it('never draws the graph of a validation item', () => {
  const config = tinyRun({ segments: [{ ...small, trainSteps: 1 }] });
  const draw = (from: typeof data) =>
    from.groups({
      random: new Random(5),
      segment: config.segments[0]!,
      groups: 1,
      perGroup: 1,
      first: 0,
    })[0]!;
  const drawn = draw(data);
  const validation = join(temporaryDirectory(), 'valid.json');
  writeFileSync(validation, JSON.stringify([publishedItem(drawn.context, drawn.examples[0]!)]));
  const guarded = loadTrainingData({ ...config, data: { ...config.data, validation } });
  const instead = draw(guarded);
  expect(instead.context).not.toBe(drawn.context);
});

/** The item as the published files write it. */
function publishedItem(
  context: string,
  { question, steps, answer }: { question: string; steps: string[]; answer: string },
) {
  const whole = context + question;
  const { facts, name, options } = splitQuestion(whole);
  const pairs = facts.map((fact) => fact.replace(/^Every |\.$/g, '').split(' is a '));
  const words = [...new Set(pairs.flat())];
  const at = (word: string): number => words.indexOf(word);
  const right = options.find((option) => answer.endsWith(` ${option}.`))!;
  return {
    question: whole,
    answer,
    steps,
    idx_to_symbol: words,
    edges: pairs.map((pair) => pair.map(at)),
    root: at(name),
    target: at(right),
    neg_target: at(options.find((option) => option !== right)!),
  };
}

describe('micro-batches', () => {
  const segments = [{ ...small, trainSteps: 2, stage: 3, structureWeight: 0.25 }];
  const parts = (microBatches: number, supervision: 'none' | 'frontier') =>
    sourceOf(
      tinyRun({ supervision, segments, batch: { groups: 4, perGroup: 2, microBatches } }),
    ).batch(1).batches;
  const labelled = (batches: readonly TrainBatch[]) =>
    batches.flatMap(({ feeds, labelMask }) =>
      [...(feeds['label_weights']!.data as Float32Array)].filter((_, i) => labelMask[i] === 1),
    );

  it('part the groups of a batch, whose labels weigh what they weighed in one', () => {
    const [whole, halves] = [parts(1, 'none'), parts(2, 'none')];
    expect(halves.map(({ shape }) => shape.rows)).toEqual([4, 4]);
    expect(labelled(halves)).toBeAllclose(labelled(whole), { relative: 1e-5, absolute: 0 });
    expect(labelled(halves).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
  });

  it('share supervision of thoughts alike', () => {
    const targets = (batches: readonly TrainBatch[]) =>
      batches.flatMap(({ feeds }) => [...(feeds['thought_targets']!.data as Float32Array)]);
    const close = { relative: 1e-6, absolute: 0 };
    expect(targets(parts(2, 'frontier'))).toBeAllclose(targets(parts(1, 'frontier')), close);
  });
});
