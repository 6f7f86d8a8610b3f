// What a row writes before its thoughts costs what the same text costs in a row without any: the loss of a batch
// whose labels stand in the question, against one that has the same tokens in its tail.
import { expect, it } from 'vitest';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { createSession, tensor } from '../../src/onnx/session.ts';
import { Random } from '../../src/random.ts';
import { collate, type TrainBatch } from '../../src/training/collate.ts';
import { gradientGraph } from '../../src/training/training-graph.ts';
import { tinyConfig, tinyWeights } from '../support/tiny-model.ts';

const config = tinyConfig('coconut');
const weights = tinyWeights(config, 5);
const [bot, eot, eos] = [257, 258, 256];
const random = new Random(8);
const ids = (length: number) => Array.from({ length }, () => random.int(256));
const rows = [
  { contextIds: ids(6), question: ids(3), words: ids(4), answer: ids(2) },
  { contextIds: ids(4), question: ids(2), words: ids(2), answer: ids(5) },
];
const buckets = { context: 4, question: 4, tail: 4 };

const wordsFirst = (thoughts: number): TrainBatch =>
  collate(
    rows.map(({ contextIds, question, words, answer }) => ({
      contextIds,
      examples: [
        {
          questionIds: [...question, ...words, bot],
          written: words.length + 1,
          thoughts,
          tailIds: [eot, ...answer, eos],
          unlabelled: 1,
        },
      ],
    })),
    buckets,
  );

/** The same text in a tail, up to `end` of it. */
const inTail = (end: (words: number[], answer: number[]) => number[]): TrainBatch =>
  collate(
    rows.map(({ contextIds, question, words, answer }) => ({
      contextIds,
      examples: [
        {
          questionIds: question,
          written: 0,
          thoughts: 0,
          tailIds: end(words, answer),
          unlabelled: 0,
        },
      ],
    })),
    buckets,
  );

/** Sum of the losses of the labels that are none of `left`, an equal share of each. */
async function lossWithout({ shape, feeds, labelIds, labelMask }: TrainBatch, left: number[]) {
  const graph = gradientGraph(config, shape);
  const session = await createSession(graph, encodeGraph(graph), { threads: 1 });
  const parameters = graph.inputs
    .filter(({ name }) => weights.has(name))
    .map(({ name, shape }) => [name, tensor('float32', weights.get(name)!, shape as number[])]);
  const share = Float32Array.from(labelMask, (bit, i) =>
    bit === 1 && !left.includes(labelIds[i]!) ? 1 : 0,
  );
  const label_weights = tensor('float32', share, feeds['label_weights']!.dims);
  const run = { ...Object.fromEntries(parameters), ...feeds, label_weights };
  const { loss } = await session.run(run);
  await session.release();
  return Number(loss!.data[0]);
}

it('around no thoughts', { timeout: 60_000 }, async () => {
  const plain = inTail((words, answer) => [...words, bot, eot, ...answer, eos]);
  // <eot> is fed and never a label.
  expect(await lossWithout(wordsFirst(0), [])).toBeCloseTo(await lossWithout(plain, [eot]), 3);
});

it('before thoughts, which cannot change it', { timeout: 60_000 }, async () => {
  const plain = inTail((words) => [...words, bot]);
  const answers = [...rows.flatMap(({ answer }) => answer), eos];
  expect(await lossWithout(wordsFirst(3), answers)).toBeCloseTo(await lossWithout(plain, []), 3);
});
