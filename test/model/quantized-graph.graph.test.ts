// MatMulNBits on our bytes against the product with the float matrix: what is left is the rounding of
// weights and activations.
import { expect, it } from 'vitest';
import { quantizeMatMuls } from '../../src/model/quantized-graph.ts';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { GraphBuilder } from '../../src/onnx/graph.ts';
import * as op from '../../src/onnx/ops.ts';
import { createSession, tensor } from '../../src/onnx/session.ts';
import { Random } from '../../src/random.ts';

const [M, N] = [3, 10];

function uniform(count: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => 2 * random.uniform() - 1);
}

const cases = ([4, 8] as const).flatMap((bits) =>
  [64, 144, 16].flatMap((K) =>
    (['in-out', 'out-in'] as const).map((layout) => ({ bits, K, layout })),
  ),
);

it.each(cases)('$bits bits, K $K, weights stored $layout', async ({ bits, K, layout }) => {
  const weight = uniform(K * N, 1);
  const g = new GraphBuilder('product');
  const x = g.input('x', 'float32', ['B', M, K]);
  const stored = g.initializer('w', layout === 'in-out' ? [K, N] : [N, K], weight);
  const matrix = layout === 'in-out' ? stored : op.transpose(g, stored, [1, 0]);
  g.output('y', op.matmul(g, x, matrix));
  const float = g.build();
  const quantized = quantizeMatMuls(float, () => weight, { bits, blockSize: 32 });
  expect(quantized.nodes.some(({ op }) => op === 'MatMul')).toBe(false);

  const feeds = { x: tensor('float32', uniform(2 * M * K, 2), [2, M, K]) };
  const [exact, rounded] = await Promise.all(
    [float, quantized].map(async (graph) => {
      const session = await createSession(graph, encodeGraph(graph), { threads: 1 });
      return (await session.run(feeds))['y']!.data as Float32Array;
    }),
  );
  const rms = (values: Float32Array) => Math.hypot(...values) / Math.sqrt(values.length);
  const error = rms(exact!.map((value, i) => value - rounded![i]!)) / rms(exact!);
  expect(error).toBeLessThan(bits === 8 ? 0.015 : 0.12);
});
