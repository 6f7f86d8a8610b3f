// Every further loss against central differences through the whole unrolled model: along a random direction in
// each parameter, the loss must rise as the gradient says. The loop runs over the table.
import { describe, expect, it } from 'vitest';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { GraphBuilder } from '../../src/onnx/graph.ts';
import { createSession, tensor } from '../../src/onnx/session.ts';
import { Random } from '../../src/random.ts';
import { backward } from '../../src/training/backward.ts';
import { collate, type TrainBatch } from '../../src/training/collate.ts';
import type { StagingVocabulary } from '../../src/training/curriculum.ts';
import type { ExampleGroup } from '../../src/training/datasets/example.ts';
import { addDecoderTargets } from '../../src/training/decoder-targets.ts';
import { addTeacher } from '../../src/training/distillation.ts';
import {
  type ObjectiveName,
  objectiveNames,
  scaledDistance,
} from '../../src/training/objectives.ts';
import { addStopTargets } from '../../src/training/stop-targets.ts';
import { expectSlope, slopes } from '../support/model-slopes.ts';
import { gradientError } from '../support/numeric-gradient.ts';
import { tinyConfig } from '../support/tiny-model.ts';
import { tinyRun } from '../support/tiny-run.ts';

const plain = tinyConfig('coconut');
const withHead = { ...plain, coconut: { ...plain.coconut, stop_head: true } };
const V = plain.vocab_size;
const random = new Random(4);
const ids = (length: number) => Array.from({ length }, () => random.int(256));

const vocabulary: StagingVocabulary = {
  encode: (text) => [...Buffer.from(text)],
  eos: 256,
  bot: 257,
  eot: 258,
  pause: 259,
};
const run = tinyRun({
  supervision: 'decoder',
  decoderLayers: 1,
  distillation: { weight: 0.8, teacherWeight: 0.5 },
  maxStage: 3,
});
const group: ExampleGroup = {
  context: 'seven..',
  examples: [
    { question: 'abc', steps: ['de', 'f', 'gh'], answer: 'i' },
    { question: 'kl', steps: ['m', 'no'], answer: 'pq' },
  ],
};

/** Rows of three and two thoughts. */
function newBatch(): TrainBatch {
  const examples = [3, 2].map((thoughts) => ({
    questionIds: [...ids(5), 257],
    written: 0,
    thoughts,
    tailIds: [258, ...vocabulary.encode(`### ${thoughts === 3 ? 'i' : 'pq'}`), 256],
    unlabelled: 1,
  }));
  return collate([{ contextIds: ids(7), examples }], { context: 4, question: 4, tail: 4 });
}

/** Adds what the objective needs to a batch. */
const additions: Record<ObjectiveName, (batch: TrainBatch) => void> = {
  frontier: ({ shape, feeds }) => {
    shape.objectives.push('frontier');
    const data = Float32Array.from({ length: 2 * 3 * V }, () => random.uniform() / V);
    feeds['thought_targets'] = tensor('float32', data, [2, 3, V]);
  },
  stop: (batch) => addStopTargets(batch, 0.7),
  // Without its distance, whose target a difference would move and the gradient must not: that is tested below.
  distillation: (batch) => {
    addTeacher(batch, [group], { vocabulary, positions: 512 }, run);
    batch.feeds['distillation_weight'] = tensor('float32', new Float32Array(1), []);
  },
  decoder: (batch) => addDecoderTargets(batch, [group], 3, vocabulary, run),
};

describe.each(objectiveNames)('%s', (name) => {
  it('has the gradient that central differences give', async () => {
    const batch = newBatch();
    additions[name](batch);
    for (const found of await slopes(batch, withHead, random)) expectSlope(found);
  });
});

describe('thoughts after words', () => {
  it.each([2, 0])(
    'have the gradient that central differences give: %i of them',
    async (thoughts) => {
      const examples = [3, 2].map((length) => ({
        questionIds: [...ids(4), ...ids(length), 257],
        written: length + 1,
        thoughts,
        tailIds: [258, ...ids(length), 256],
        unlabelled: 1,
      }));
      const batch = collate([{ contextIds: ids(7), examples }], {
        context: 4,
        question: 4,
        tail: 2,
      });
      expect(batch.shape).toMatchObject({ questionLength: 8, writtenLength: 4 });
      for (const found of await slopes(batch, plain, random)) expectSlope(found);
    },
  );
});

describe('thoughts refined in parallel', () => {
  it('have the gradient that central differences give', async () => {
    const latent_update = { kind: 'jacobi' as const, iterations: 2, slot_token_id: 259 };
    const config = { ...plain, coconut: { ...plain.coconut, latent_update } };
    for (const found of await slopes(newBatch(), config, random)) expectSlope(found);
  });
});

describe('the distance to a teacher', () => {
  const target = Float32Array.of(0.3, -2, 0.1, 2.2, 0, -0.4);
  const given = (g: GraphBuilder) => g.initializer('target', [2, 3], target);

  it('has the gradient that central differences give, within 1 and beyond', async () => {
    const error = await gradientError({
      shapes: [[2, 3]],
      build: (g, [x]) => scaledDistance(g, x!, given(g)),
    });
    expect(error).toBeLessThan(2e-3);
  });

  it('is smooth L1 over the standard deviation of the target', async () => {
    const g = new GraphBuilder('distance');
    g.output('distance', scaledDistance(g, g.input('x', 'float32', [2, 3]), given(g)));
    const graph = g.build();
    const session = await createSession(graph, encodeGraph(graph), { threads: 1 });
    const { distance } = await session.run({ x: tensor('float32', new Float32Array(6), [2, 3]) });
    await session.release();
    const smooth = [...target].map((d) => (Math.abs(d) < 1 ? (d * d) / 2 : Math.abs(d) - 0.5));
    const mean = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
    const centre = mean([...target]);
    const deviation = Math.sqrt(mean([...target].map((x) => (x - centre) ** 2)));
    expect(distance!.data[0]).toBeCloseTo(mean(smooth) / deviation, 5);
  });

  it('teaches the teacher nothing', () => {
    const g = new GraphBuilder('distance');
    const [x, moving] = [g.input('x', 'float32', [2, 3]), g.input('y', 'float32', [2, 3])];
    const loss = scaledDistance(g, x, moving);
    expect(() => backward(g, loss, [x, moving])).toThrow('does not depend on y');
  });
});
