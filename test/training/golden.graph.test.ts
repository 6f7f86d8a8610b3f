// The trained model against PyTorch: loss, every gradient by name and ten optimiser steps, on a ragged
// batch whose rows carry their whole question, and on one whose pairs of rows share a context. And of the
// controls, in as many passes as thoughts or in one, what PyTorch has for one pass.
import { beforeAll, describe, expect, it } from 'vitest';
import { fillers } from '../../src/model/fillers.ts';
import type { ModelConfig } from '../../src/model/model-config.ts';
import { parameterTable } from '../../src/model/parameters.ts';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { createSession, type Tensor, tensor } from '../../src/onnx/session.ts';
import {
  type Buckets,
  collate,
  type StagedGroup,
  type TrainBatch,
} from '../../src/training/collate.ts';
import type { StagedExample } from '../../src/training/curriculum.ts';
import { Learner, type StepResult } from '../../src/training/learner.ts';
import { gradientGraph } from '../../src/training/training-graph.ts';
import {
  type Golden,
  type GoldenControl,
  type GoldenItem,
  goldenArchitectures,
  goldenControls,
  goldenModel,
  readGolden,
  readGoldenControl,
} from '../support/golden.ts';
import '../support/to-be-allclose.ts';

/** Lengths round up, so that columns exist in which no row has a token. */
const buckets: Buckets = { context: 8, question: 4, tail: 4 };

/** The same items, with and without the shared part encoded once. */
const layouts = {
  'whole questions': ({ items, thoughts }: Golden): StagedGroup[] =>
    items.map((item) => ({ contextIds: [], examples: [stage(item, thoughts, 0)] })),
  'pairs that share a context': ({ items, thoughts }: Golden): StagedGroup[] =>
    [items.slice(0, 2), items.slice(2)].map((pair) => ({
      contextIds: pair[0]!.question.slice(0, pair[0]!.contextLength),
      examples: pair.map((item) => stage(item, thoughts, item.contextLength)),
    })),
};

function stage(
  { question, tail }: Pick<GoldenItem, 'question' | 'tail'>,
  thoughts: number,
  from: number,
): StagedExample {
  return { questionIds: question.slice(from), written: 0, thoughts, tailIds: tail, unlabelled: 1 };
}

const cases = goldenArchitectures.flatMap((architecture) =>
  ([0, 1, 3] as const).flatMap((thoughts) =>
    (Object.keys(layouts) as (keyof typeof layouts)[]).map((layout) => ({
      architecture,
      thoughts,
      layout,
    })),
  ),
);

describe.each(cases)('$architecture, $thoughts thoughts, $layout', (one) => {
  const { architecture, thoughts, layout } = one;
  const { config, weights } = goldenModel(architecture);
  const golden = readGolden(architecture, thoughts);
  const batch = collate(layouts[layout](golden), buckets);
  let outputs: Record<string, Tensor>;

  beforeAll(async () => {
    outputs = await differentiate(config, weights, batch);
  });

  it('loss', () => {
    const { loss } = outputs;
    expect(loss!.data).toBeAllclose([golden.loss], { relative: 2e-6, absolute: 0 });
  });

  it('the reference has the parameters of our table', () => {
    const names = parameterTable(config).map(({ name }) => name);
    expect([...golden.gradients.keys()].sort()).toEqual(names.sort());
  });

  it.each([...golden.gradients.keys()])('gradient of %s', (name) => {
    expectGradient(outputs, golden, name);
  });

  it.each(golden.runs)(
    'ten AdamW steps, decay on $optimizer.decay, clipped to $optimizer.clipNorm',
    async (run) => {
      const { learningRate, ...chosen } = run.optimizer;
      const optimizer = {
        hiddenMatrices: 'adamw',
        betas: [0.9, 0.999],
        epsilon: 1e-8,
        ...chosen,
      } as const;
      const learner = new Learner(config, new Map(weights), optimizer, {
        device: 'cpu',
        threads: 1,
      });
      const steps: StepResult[] = [];
      for (let t = 0; t < run.losses.length; t++)
        steps.push(await learner.step([batch], learningRate));
      const trained = await learner.weights();
      await learner.release();

      const close = { relative: 1e-4, absolute: 0 };
      expect(steps.map((step) => step.loss)).toBeAllclose(run.losses, close);
      expect(steps.map((step) => step.gradNorm)).toBeAllclose(run.gradNorms, close);
      expect(steps[0]!.tokenAccuracy).toBeCloseTo(tokenAccuracy(golden), 6);
      for (const [name, expected] of run.parameters) {
        expect(trained.get(name), name).toBeAllclose(expected, { relative: 0, absolute: 1e-4 });
      }
      for (const [name, distance] of Object.entries(run.distances)) {
        // Softmax ignores a bias common to all keys: its gradient is rounding noise, which AdamW amplifies.
        if (name.endsWith('c_attn.bias')) continue;
        const moved = distanceBetween(trained.get(name)!, weights.get(name)!);
        expect([moved], name).toBeAllclose([distance], { relative: 1e-3, absolute: 0 });
      }
    },
  );
});

const controlCases = goldenArchitectures.flatMap((architecture) =>
  goldenControls.flatMap((filler) =>
    [false, true].map((isShared) => ({ architecture, filler, isShared })),
  ),
);

describe.each(controlCases)(
  '$architecture, filler $filler, shared contexts $isShared',
  ({ architecture, filler, isShared }) => {
    const model = goldenModel(architecture);
    const golden = readGoldenControl(architecture, filler);
    const coconut = { ...model.config.coconut, filler, pause_token_id: golden.pause };
    const { isMarked, ownPasses } = fillers[filler];
    const staged = (item: GoldenControl['items'][number], from: number): StagedExample => {
      const marked = stage(item, ownPasses ? golden.count : 0, from);
      if (isMarked) return marked;
      const pauses = Array<number>(golden.count).fill(golden.pause);
      return {
        questionIds: [...marked.questionIds.slice(0, -1), ...pauses], // no <bot>
        written: 0,
        thoughts: 0,
        tailIds: item.tail.slice(1), // no <eot>
        unlabelled: 0,
      };
    };
    const pairs = [golden.items.slice(0, 2), golden.items.slice(2)];
    const groups = isShared
      ? pairs.map((pair) => ({
          contextIds: pair[0]!.question.slice(0, pair[0]!.contextLength),
          examples: pair.map((item) => staged(item, item.contextLength)),
        }))
      : [{ contextIds: [], examples: golden.items.map((item) => staged(item, 0)) }];
    let outputs: Record<string, Tensor>;

    beforeAll(async () => {
      const config = { ...model.config, coconut };
      outputs = await differentiate(config, model.weights, collate(groups, buckets));
    });

    it('loss', () => {
      expect(outputs['loss']!.data).toBeAllclose([golden.loss], { relative: 2e-6, absolute: 0 });
    });

    it.each([...golden.gradients.keys()])('gradient of %s', (name) => {
      expectGradient(outputs, golden, name);
    });
  },
);

/** Loss and gradients by the graph that training runs. */
async function differentiate(
  config: ModelConfig,
  weights: ReadonlyMap<string, Float32Array>,
  batch: TrainBatch,
): Promise<Record<string, Tensor>> {
  const graph = gradientGraph(config, batch.shape);
  const session = await createSession(graph, encodeGraph(graph), { threads: 1 });
  const parameters = graph.inputs
    .filter(({ name }) => weights.has(name))
    .map(({ name, shape }) => [name, tensor('float32', weights.get(name)!, shape as number[])]);
  const outputs = await session.run({ ...Object.fromEntries(parameters), ...batch.feeds });
  await session.release();
  return outputs;
}

function expectGradient(
  outputs: Record<string, Tensor>,
  { gradients }: Pick<Golden, 'gradients'>,
  name: string,
): void {
  const expected = gradients.get(name)!;
  const largest = expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  const found = outputs[`grad/${name}`]!.data as Float32Array;
  expect(found).toBeAllclose(expected, { relative: 1e-5, absolute: 1e-5 * largest });
}

/** Share of labels to which the reference gives the largest logit. */
function tokenAccuracy({ items }: Golden): number {
  const hits = items.flatMap(({ tail, logits }) =>
    logits.map((row, i) => row.indexOf(Math.max(...row)) === tail[i + 1]),
  );
  return hits.filter(Boolean).length / hits.length;
}

function distanceBetween(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...a.map((x, i) => x - b[i]!));
}
