// Dropout: what masks are, that both passes see the same ones (central differences with masks held fixed), and that
// a step follows from its seed alone.
import { describe, expect, it } from 'vitest';
import { transformerOf } from '../../src/model/architectures.ts';
import { parameterTable } from '../../src/model/parameters.ts';
import { GraphBuilder, type Value } from '../../src/onnx/graph.ts';
import { Random } from '../../src/random.ts';
import { BatchSource } from '../../src/training/batch-source.ts';
import { collate, type TrainBatch } from '../../src/training/collate.ts';
import { drawMasks, maskedDropout } from '../../src/training/dropout.ts';
import { Learner } from '../../src/training/learner.ts';
import { loadTrainingData } from '../../src/training/training-data.ts';
import { gradientGraph } from '../../src/training/training-graph.ts';
import { expectSlope, slopes } from '../support/model-slopes.ts';
import { tinyConfig, tinyLlamaConfig, tinyWeights } from '../support/tiny-model.ts';
import { tinyOptimizer, tinyRun } from '../support/tiny-run.ts';

const rate = 0.3;
const random = new Random(8);
const ids = (length: number) => Array.from({ length }, () => random.int(256));

/** Two rows of a shared context, with three thoughts and two. */
function newBatch(dropout: number, maskSeed = 5): TrainBatch {
  const examples = [3, 2].map((thoughts) => ({
    questionIds: [...ids(5), 257],
    written: 0,
    thoughts,
    tailIds: [258, ...ids(4), 256],
    unlabelled: 1,
  }));
  const batch = collate([{ contextIds: ids(7), examples }], { context: 4, question: 4, tail: 4 });
  batch.shape.dropout = dropout;
  return { ...batch, maskSeed };
}

const masksOf = (inputs: readonly Value[]) =>
  inputs.filter(({ name }) => name.startsWith('dropout_'));

describe('masks', () => {
  const input = { name: 'dropout_0', dtype: 'float32', shape: [40, 50, 30] } as const;
  const draw = (seed: number) => drawMasks([input], { rate, seed })['dropout_0']!.data;

  it('drop their share of the numbers, one by one, and scale the others up', () => {
    const data = draw(1) as Float32Array;
    const kept = Math.fround(1 / (1 - rate));
    expect(new Set(data)).toEqual(new Set([0, kept]));
    const dropped = data.filter((x) => x === 0).length / data.length;
    expect(Math.abs(dropped - rate)).toBeLessThan(0.01);
    // Neighbours know nothing of each other.
    const pairs = data.filter((x, i) => x === 0 && data[i + 1] === 0).length / data.length;
    expect(Math.abs(pairs - rate ** 2)).toBeLessThan(0.01);
  });

  it('follow from the seed', () => {
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('are drawn for masks only', () => {
    expect(drawMasks([{ ...input, name: 'label_weights' }], { rate, seed: 1 })).toEqual({});
  });
});

describe.each([
  ['gpt2', tinyConfig('coconut')],
  ['llama', tinyLlamaConfig()],
] as const)('%s', (_, config) => {
  it('asks for a mask wherever GPT-2 drops', () => {
    const g = new GraphBuilder('one pass');
    const parameters = new Map(
      parameterTable(config).map(({ name, shape }) => [name, g.input(name, 'float32', shape)]),
    );
    const model = transformerOf(g, config, parameters, maskedDropout(g));
    const positions = g.input('positions', 'int64', [2, 3]);
    const bias = g.input('bias', 'float32', [2, 1, 3, 3]);
    g.output(
      'hidden',
      model.forward(g.input('x', 'float32', [2, 3, 16]), positions, [], bias).hidden,
    );
    const heads = config.model_type === 'gpt2' ? 2 : 4;
    const block = [
      [2, heads, 3, 3],
      [2, 3, 16],
      [2, 3, 16],
    ];
    expect(masksOf(g.build().inputs).map(({ shape }) => shape)).toEqual([
      [2, 3, 16],
      ...block,
      ...block,
    ]);
  });

  it('has the gradient that central differences give with the masks held fixed', async () => {
    const batch = newBatch(rate);
    const { inputs } = gradientGraph(config, batch.shape);
    Object.assign(batch.feeds, drawMasks(inputs, { rate, seed: 5 }));
    // Numbers scaled up by 1 / 0.7 in every place bend the loss more.
    for (const found of await slopes(batch, config, random, 5e-3)) expectSlope(found);
  });
});

it('a graph without dropout has no masks', () => {
  const config = tinyConfig('coconut');
  expect(masksOf(gradientGraph(config, newBatch(0).shape).inputs)).toEqual([]);
  expect(masksOf(gradientGraph(config, newBatch(rate).shape).inputs)).not.toEqual([]);
});

it('a step follows from the seed of its masks', async () => {
  const config = tinyConfig('coconut');
  const batch = newBatch(rate);
  const lossesWith = async (seeds: readonly number[]) => {
    const learner = new Learner(config, tinyWeights(config, 3), tinyOptimizer, {
      device: 'cpu',
      threads: 1,
    });
    const losses: number[] = [];
    for (const maskSeed of seeds)
      losses.push((await learner.step([{ ...batch, maskSeed }], 0.01)).loss);
    await learner.release();
    return losses;
  };
  const [first, again, other] = [
    [1, 2],
    [1, 2],
    [1, 3],
  ].map(lossesWith);
  expect(await first).toEqual(await again);
  expect((await other)![0]).toBe((await first)![0]);
  expect((await other)![1]).not.toBe((await first)![1]);
});

describe('the seeds of a run’s masks', () => {
  const data = loadTrainingData(tinyRun());
  const batch = { groups: 2, perGroup: 2, microBatches: 2 };
  const seedsAt = (step: number, seed = 3) => {
    const source = new BatchSource(tinyRun({ dropout: 0.1, seed, batch }), data);
    return source.batch(step).batches.map(({ maskSeed }) => maskSeed);
  };

  it('differ between steps, micro-batches and runs, and come again', () => {
    expect(seedsAt(5)).toEqual(seedsAt(5));
    expect(new Set([...seedsAt(4), ...seedsAt(5), ...seedsAt(5, 4)]).size).toBe(6);
  });

  it('leave the batch itself as it is without dropout', () => {
    const [dropped, plain] = [0.1, 0].map(
      (dropout) => new BatchSource(tinyRun({ dropout }), data).batch(5).batches[0]!,
    );
    expect(dropped!.feeds).toEqual(plain!.feeds);
    expect(dropped!.shape).toEqual({ ...plain!.shape, dropout: 0.1 });
  });
});
