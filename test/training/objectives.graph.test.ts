// Every further loss against central differences through the whole unrolled model: along a random direction in
// each parameter, the loss must rise as the gradient says. The loop runs over the table.
import { describe, expect, it } from 'vitest';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { createSession, tensor } from '../../src/onnx/session.ts';
import { Random } from '../../src/random.ts';
import { collate, type TrainBatch } from '../../src/training/collate.ts';
import { type ObjectiveName, objectiveNames } from '../../src/training/objectives.ts';
import { addStopTargets } from '../../src/training/stop-targets.ts';
import { gradientGraph, reachedRows } from '../../src/training/training-graph.ts';
import { tinyConfig, tinyWeights } from '../support/tiny-model.ts';

const plain = tinyConfig('coconut');
const config = { ...plain, coconut: { ...plain.coconut, stop_head: true } };
const V = config.vocab_size;
const random = new Random(4);
const ids = (length: number) => Array.from({ length }, () => random.int(256));

function newBatch(): TrainBatch {
  const examples = [3, 2].map((thoughts) => ({
    questionIds: [...ids(5), 257],
    thoughts,
    tailIds: [258, ...ids(4), 256],
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
};

/** Per parameter: the slope along a random direction by the gradient, and by central differences. */
async function slopes(
  batch: TrainBatch,
): Promise<[name: string, analytic: number, numeric: number][]> {
  const graph = gradientGraph(config, batch.shape);
  const session = await createSession(graph, encodeGraph(graph), { threads: 1 });
  const weights = tinyWeights(config, 5);
  const rows = reachedRows(config, batch.shape);
  const run = (changed: string, data: Float32Array) =>
    session.run({
      ...Object.fromEntries(
        rows.map(({ name, shape }) => [
          name,
          tensor('float32', name === changed ? data : weights.get(name)!, shape),
        ]),
      ),
      ...batch.feeds,
    });
  const found: [string, number, number][] = [];
  for (const { name } of rows) {
    const at = weights.get(name)!;
    const direction = at.map(() => (random.uniform() < 0.5 ? -1 : 1) / Math.sqrt(at.length));
    const grad = (await run('', at))[`grad/${name}`]!.data as Float32Array;
    const analytic = grad.reduce((sum, x, i) => sum + x * direction[i]!, 0);
    const lossAt = async (h: number) =>
      Number(
        (
          await run(
            name,
            at.map((x, i) => x + h * direction[i]!),
          )
        )['loss']!.data[0],
      );
    const h = 2e-2;
    const wide = ((await lossAt(h)) - (await lossAt(-h))) / (2 * h);
    const narrow = ((await lossAt(h / 2)) - (await lossAt(-h / 2))) / h;
    found.push([name, analytic, (4 * narrow - wide) / 3]);
  }
  await session.release();
  return found;
}

describe.each(objectiveNames)('%s', (name) => {
  it('has the gradient that central differences give', async () => {
    const batch = newBatch();
    additions[name](batch);
    for (const [parameter, analytic, numeric] of await slopes(batch)) {
      const error = Math.abs(analytic - numeric) / (0.05 + Math.abs(numeric));
      expect(error, `${parameter}: ${analytic} by the graph, ${numeric} numerically`).toBeLessThan(
        0.02,
      );
    }
  });
});
