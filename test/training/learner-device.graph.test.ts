// Training on WebGPU: the same graphs as on the CPU, with parameters, optimiser state and gradients on the
// device. One layer and few steps: a software adapter is slow.
import { describe, expect, it } from 'vitest';
import { modelConfigSchema } from '../../src/model/model-config.ts';
import type { Device } from '../../src/onnx/device.ts';
import { tensor } from '../../src/onnx/session.ts';
import { Random } from '../../src/random.ts';
import { collate, type TrainBatch } from '../../src/training/collate.ts';
import { initialWeights, type Weights } from '../../src/training/initialize.ts';
import { Learner, type StepResult } from '../../src/training/learner.ts';
import { whyNoGpu } from '../support/gpu.ts';
import { tinyConfig } from '../support/tiny-model.ts';
import { noHints, tinyOptimizer } from '../support/tiny-run.ts';
import '../support/to-be-allclose.ts';

const noGpu = await whyNoGpu();
const config = modelConfigSchema.parse({ ...tinyConfig('coconut'), n_layer: 1 });
const fresh = initialWeights(config, { kind: 'gpt2' }, noHints, new Random(1));
const learningRate = 0.01;

/**
 * Two micro-batches of one shape, half of the labels each: a context, two thoughts. No token comes twice in
 * one: the device adds what is looked up to the embedding's gradient in whatever order.
 */
function microBatches(): TrainBatch[] {
  let token = 0;
  const ids = (length: number) => Array.from({ length }, () => token++);
  return [0, 1].map(() => {
    const example = {
      questionIds: [...ids(2), 257],
      written: 0,
      thoughts: 2,
      tailIds: [258, ...ids(3), 256],
      unlabelled: 1,
    };
    const groups = [{ contextIds: ids(6), examples: [example] }];
    const { feeds, ...rest } = collate(groups, { context: 4, question: 4, tail: 4 });
    const { data, dims } = feeds['label_weights']!;
    const halves = (data as Float32Array).map((weight) => weight / 2);
    return { ...rest, feeds: { ...feeds, label_weights: tensor('float32', halves, dims) } };
  });
}

const learnerOn = (device: Device, weights: Weights = fresh) =>
  new Learner(
    config,
    weights,
    { ...tinyOptimizer, hiddenMatrices: 'muon', clipNorm: 0.5 },
    { device, threads: 1 },
  );

async function steps(learner: Learner, count: number): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (let t = 0; t < count; t++) results.push(await learner.step(microBatches(), learningRate));
  return results;
}

async function savedState(learner: Learner): Promise<Map<string, Float32Array>> {
  const tensors = await learner.state();
  return new Map([...tensors].map(([name, { data }]) => [name, data as Float32Array]));
}

async function expectSameState(actual: Learner, expected: Learner): Promise<void> {
  const [ended, wanted] = [await savedState(actual), await savedState(expected)];
  expect([...ended.keys()]).toEqual([...wanted.keys()]);
  for (const [name, values] of wanted) {
    // Softmax ignores a bias common to all keys: its gradient is rounding noise, which AdamW amplifies.
    if (name.endsWith('c_attn.bias')) continue;
    expect(ended.get(name), name).toBeAllclose(values, { relative: 1e-3, absolute: 1e-4 });
  }
}

const close = { relative: 1e-5, absolute: 0 };

function expectSameFigures(actual: readonly StepResult[], expected: readonly StepResult[]): void {
  for (const figure of ['loss', 'answerLoss', 'gradNorm', 'tokenAccuracy'] as const) {
    const of = (results: readonly StepResult[]) => results.map((result) => result[figure]);
    expect(of(actual), figure).toBeAllclose(of(expected), close);
  }
}

describe.skipIf(noGpu)('on WebGPU', { timeout: 900_000 }, () => {
  it('losses, norms, weights and momenta are the CPU’s; saved in between, it ends with the same bits', async () => {
    const [onCpu, onDevice] = [learnerOn('cpu'), learnerOn('webgpu')];
    const expected = await steps(onCpu, 3);
    const first = await steps(onDevice, 1);
    const saved = await savedState(onDevice);
    const actual = [...first, ...(await steps(onDevice, 2))];
    // Clipped each time, or the norm would not matter.
    expect(Math.min(...expected.map(({ gradNorm }) => gradNorm))).toBeGreaterThan(0.5);
    expectSameFigures(actual, expected);
    await expectSameState(onDevice, onCpu);

    const resumed = learnerOn('webgpu');
    resumed.restore(saved, 1);
    expect(await steps(resumed, 2)).toEqual(actual.slice(1));
    expect(await savedState(resumed)).toEqual(await savedState(onDevice));
    // A run may go on on the CPU, too.
    const moved = learnerOn('cpu');
    moved.restore(saved, 1);
    expectSameFigures(await steps(moved, 2), actual.slice(1));
    for (const learner of [onCpu, onDevice, resumed, moved]) await learner.release();
  });

  it('keeps its weights where a loss is not finite, and forgets momenta when asked to', async () => {
    const learner = learnerOn('webgpu');
    await steps(learner, 1);
    const before = await learner.weights();
    const broken = microBatches().map(({ feeds, ...rest }) => {
      const { data, dims } = feeds['label_weights']!;
      const weights = (data as Float32Array).map(() => Number.NaN);
      return { ...rest, feeds: { ...feeds, label_weights: tensor('float32', weights, dims) } };
    });
    await expect(learner.step(broken, learningRate)).rejects.toThrow(/update 2: loss NaN/);
    expect(await learner.weights()).toEqual(before);

    learner.resetOptimizer();
    const restarted = learnerOn('cpu', before);
    expectSameFigures(await steps(learner, 1), await steps(restarted, 1));
    await expectSameState(learner, restarted);
    for (const each of [learner, restarted]) await each.release();
  });
});
