// Slow truth for gradients: central differences through ONNX Runtime itself.

import { encodeGraph } from '../../src/onnx/encode.ts';
import { type Graph, GraphBuilder, type Shape, sizeOf, type Value } from '../../src/onnx/graph.ts';
import * as op from '../../src/onnx/ops.ts';
import { createSession, tensor } from '../../src/onnx/session.ts';
import { Random } from '../../src/random.ts';
import { backward } from '../../src/training/backward.ts';

export type GradientCase = {
  /** Shapes of the inputs that are differentiated. */
  shapes: Shape[];
  /** Builds the value under test from them. */
  build: (g: GraphBuilder, inputs: Value[]) => Value;
  /** Inputs are uniform in this range; away from poles and kinks. */
  range?: [number, number];
};

/** Largest |analytic − numeric| over all elements, each relative to 1 + |numeric|. */
export async function gradientError({
  shapes,
  build,
  range = [-1, 1],
}: GradientCase): Promise<number> {
  const random = new Random(7);
  const [low, high] = range;
  const data = shapes.map((shape) =>
    Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * random.uniform()),
  );
  const { loss, graph } = lossGraph(shapes, build, random);
  const session = await createSession(graph, encodeGraph(graph), { threads: 1 });
  const run = (inputs: Float32Array[]) =>
    session.run(
      Object.fromEntries(
        inputs.map((x, i) => [`x${i}`, tensor('float32', x, shapes[i] as number[])]),
      ),
    );
  const analytic = await run(data);
  let worst = 0;
  for (const [i, x] of data.entries()) {
    for (let j = 0; j < x.length; j++) {
      const value = async (shift: number): Promise<number> => {
        const moved = data.map((y, k) =>
          k === i ? Float32Array.from(y, (v, n) => (n === j ? v + shift : v)) : y,
        );
        return Number((await run(moved))[loss]!.data[0]);
      };
      const h = 1e-2;
      // Richardson: the error of the central difference falls from h² to h⁴.
      const wide = ((await value(h)) - (await value(-h))) / (2 * h);
      const narrow = ((await value(h / 2)) - (await value(-h / 2))) / h;
      const numeric = (4 * narrow - wide) / 3;
      worst = Math.max(
        worst,
        Math.abs(Number(analytic[`grad${i}`]!.data[j]) - numeric) / (1 + Math.abs(numeric)),
      );
    }
  }
  await session.release();
  return worst;
}

/** A random weighted sum of the value, so that no element's gradient can hide behind another's. */
function lossGraph(
  shapes: Shape[],
  build: GradientCase['build'],
  random: Random,
): { loss: string; graph: Graph } {
  const g = new GraphBuilder('gradient-check');
  const inputs = shapes.map((shape, i) => g.input(`x${i}`, 'float32', shape));
  const y = build(g, inputs);
  const weights = g.initializer(
    'weights',
    y.shape,
    Float32Array.from({ length: sizeOf(y.shape) }, () => random.uniform() + 0.5),
  );
  const axes = [...y.shape.keys()];
  const total = op.reduceSum(g, op.mul(g, y, weights), axes.length > 0 ? axes : [], 0);
  const grads = backward(g, total, inputs);
  g.output('loss', total);
  grads.forEach((grad, i) => {
    g.output(`grad${i}`, grad);
  });
  return { loss: 'loss', graph: g.build() };
}
