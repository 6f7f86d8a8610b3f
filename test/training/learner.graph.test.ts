// Ten train steps of a seeded model, pinned: whatever changes these numbers changes training. That they
// are the right numbers is golden.graph.test.ts's business.
import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/onnx/session.ts';
import { Random } from '../../src/random.ts';
import { collate, type TrainBatch } from '../../src/training/collate.ts';
import { initialWeights } from '../../src/training/initialize.ts';
import { Learner } from '../../src/training/learner.ts';
import { tinyConfig } from '../support/tiny-model.ts';
import '../support/to-be-allclose.ts';
import type { OptimizerConfig } from '../../src/training/optimizers.ts';
import { noHints, tinyOptimizer } from '../support/tiny-run.ts';

const config = tinyConfig('coconut');
const random = new Random(2);
const ids = (length: number) => Array.from({ length }, () => random.int(256));
/** Two groups of two rows, three thoughts each. */
const batch = collate(
  [12, 9].map((contextLength) => ({
    contextIds: ids(contextLength),
    examples: [5, 3].map((length) => ({
      questionIds: [...ids(length), 257],
      written: 0,
      thoughts: 3,
      tailIds: [258, ...ids(length + 2), 256],
      unlabelled: 1,
    })),
  })),
  { context: 4, question: 4, tail: 4 },
);

const computation = { device: 'cpu', threads: 1 } as const;

const newLearner = (changes: Partial<OptimizerConfig> = {}) =>
  new Learner(
    config,
    initialWeights(config, { kind: 'gpt2' }, noHints, new Random(1)),
    { ...tinyOptimizer, ...changes },
    computation,
  );

async function losses(learner: Learner, count: number): Promise<number[]> {
  const found: number[] = [];
  for (let t = 0; t < count; t++) found.push((await learner.step([batch], 0.01)).loss);
  return found;
}

/** Loose enough for another CPU's order of summation. */
const pinned = {
  adamw: [
    5.58534, 5.35042, 5.145547, 4.936554, 4.712221, 4.482511, 4.254758, 4.027684, 3.804533,
    3.587437,
  ],
  muon: [
    5.58534, 5.359541, 5.138125, 4.929396, 4.704751, 4.470438, 4.236423, 4.006235, 3.78202,
    3.568052,
  ],
};

describe('ten losses', () => {
  it.each(['adamw', 'muon'] as const)('%s', async (hiddenMatrices) => {
    const learner = newLearner({ hiddenMatrices });
    const found = await losses(learner, 10);
    await learner.release();
    expect(found).toBeAllclose(pinned[hiddenMatrices], { relative: 1e-4, absolute: 0 });
  });
});

describe('Learner', () => {
  it('adds up the gradients of micro-batches, whatever their shapes', async () => {
    const [first, second] = [4, 6].map((tailLength) =>
      collate(
        [
          {
            contextIds: [],
            examples: [
              {
                questionIds: [7, 257],
                written: 0,
                thoughts: 2,
                tailIds: [258, ...ids(tailLength - 2), 256],
                unlabelled: 1,
              },
            ],
          },
        ],
        { context: 1, question: 1, tail: 1 },
      ),
    ) as [TrainBatch, TrainBatch];
    const weighed = ({ feeds, ...rest }: TrainBatch, share: number): TrainBatch => {
      const { data, dims } = feeds['label_weights']!;
      const weights = (data as Float32Array).map((weight) => weight * share);
      return { ...rest, feeds: { ...feeds, label_weights: tensor('float32', weights, dims) } };
    };
    const moved = async (batches: readonly TrainBatch[]) => {
      // Momentum alone, no adaptive scale: the update is a linear function of the gradient.
      const learner = newLearner({ betas: [0, 0], epsilon: 1e6, weightDecay: 0, clipNorm: null });
      const before = (await learner.weights()).get(probed)!;
      const result = await learner.step(batches, 1e6);
      const after = (await learner.weights()).get(probed)!;
      await learner.release();
      return { ...result, change: before.map((x, i) => after[i]! - x) };
    };
    const probed = 'transformer.h.0.mlp.c_proj.weight';
    const [a, b, both] = await Promise.all([
      moved([first]),
      moved([second]),
      moved([weighed(first, 0.25), weighed(second, 0.75)]),
    ]);
    expect(both.loss).toBeCloseTo(0.25 * a.loss + 0.75 * b.loss, 5);
    const expected = a.change.map((x, i) => 0.25 * x + 0.75 * b.change[i]!);
    expect(both.change).toBeAllclose(expected, { relative: 1e-3, absolute: 1e-6 });
    // 3 and 5 labels, of 2 rows.
    expect(both.tokenAccuracy).toBeCloseTo((3 * a.tokenAccuracy + 5 * b.tokenAccuracy) / 8, 6);
  });

  it('goes on from saved tensors as if it had never stopped', async () => {
    const whole = newLearner();
    await losses(whole, 2);
    const saved = new Map(
      [...(await whole.state())].map(([name, { data }]) => [
        name,
        Float32Array.from(data as Float32Array),
      ]),
    );
    const resumed = newLearner();
    resumed.restore(saved, whole.updates);
    expect(await losses(resumed, 2)).toEqual(await losses(whole, 2));
    expect(await resumed.weights()).toEqual(await whole.weights());
    expect(resumed.updates).toBe(4);
  });

  it('forgets momenta, not weights, when the optimiser is reset', async () => {
    const learner = newLearner();
    await losses(learner, 2);
    const before = await learner.weights();
    learner.resetOptimizer();
    expect(await learner.weights()).toEqual(before);
    expect(learner.updates).toBe(0);
    const fresh = new Learner(config, before, tinyOptimizer, computation);
    expect(await losses(learner, 1)).toEqual(await losses(fresh, 1));
    expect(await learner.weights()).toEqual(await fresh.weights());
  });

  it('refuses a step whose loss is not finite, and keeps its weights', async () => {
    const learner = newLearner();
    const weights = await learner.weights();
    const broken = new Map(weights).set(
      'transformer.ln_f.bias',
      new Float32Array(config.n_embd).fill(Number.NaN),
    );
    const failing = new Learner(config, broken, tinyOptimizer, computation);
    await expect(failing.step([batch], 0.01)).rejects.toThrow(/update 1: loss NaN/);
    expect(await failing.weights()).toEqual(broken);
    expect(failing.updates).toBe(0);
  });

  it('names the tensor that weights or a saved state lack', async () => {
    const weights = await newLearner().weights();
    weights.delete('transformer.ln_f.bias');
    const missing = 'the tensor "transformer.ln_f.bias" is missing';
    expect(() => new Learner(config, weights, tinyOptimizer, computation)).toThrow(
      `weights: ${missing}`,
    );
    expect(() => newLearner().restore(weights, 3)).toThrow(`saved state: ${missing}`);
  });
});
