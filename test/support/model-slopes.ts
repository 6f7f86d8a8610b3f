// Slow truth for the gradients of a whole training graph: the loss along a random direction in each parameter.
import { expect } from 'vitest';
import type { ModelConfig } from '../../src/model/model-config.ts';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { createSession, tensor } from '../../src/onnx/session.ts';
import { Random } from '../../src/random.ts';
import type { TrainBatch } from '../../src/training/collate.ts';
import { withFresh } from '../../src/training/initialize.ts';
import { decoderRows } from '../../src/training/thought-decoder.ts';
import { gradientGraph, reachedRows } from '../../src/training/training-graph.ts';
import { tinyWeights } from './tiny-model.ts';

export type Slope = [name: string, analytic: number, numeric: number];

/** Per parameter: the slope along a random direction by the gradient, and by central differences. */
export async function slopes(
  batch: TrainBatch,
  config: ModelConfig,
  random: Random,
  h = 2e-2,
): Promise<Slope[]> {
  const graph = gradientGraph(config, batch.shape);
  const session = await createSession(graph, encodeGraph(graph), { threads: 1 });
  const weights = withFresh(tinyWeights(config, 5), decoderRows(config, 1), config, new Random(6));
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
  const found: Slope[] = [];
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
    const wide = ((await lossAt(h)) - (await lossAt(-h))) / (2 * h);
    const narrow = ((await lossAt(h / 2)) - (await lossAt(-h / 2))) / h;
    found.push([name, analytic, (4 * narrow - wide) / 3]);
  }
  await session.release();
  return found;
}

export function expectSlope([parameter, analytic, numeric]: Slope): void {
  const error = Math.abs(analytic - numeric) / (0.05 + Math.abs(numeric));
  expect(error, `${parameter}: ${analytic} by the graph, ${numeric} numerically`).toBeLessThan(
    0.02,
  );
}
