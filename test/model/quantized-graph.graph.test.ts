// MatMulNBits on our bytes against the product with the float matrix: what is left is the rounding of
// weights and activations.
import { expect, it } from 'vitest';
import { quantizeMatMuls } from '../../src/model/quantized-graph.ts';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { type Graph, GraphBuilder } from '../../src/onnx/graph.ts';
import * as op from '../../src/onnx/ops.ts';
import { createSession, tensor } from '../../src/onnx/session.ts';
import { Random } from '../../src/random.ts';

const [M, N] = [3, 10];

function uniform(count: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => 2 * random.uniform() - 1);
}

it('takes a Gemm whose weights are stored [out, in]', async () => {
  const weight = uniform(64 * N, 1);
  const g = new GraphBuilder('product');
  const x = g.input('x', 'float32', ['B', 64]);
  g.output('y', op.matmulTransposed(g, x, g.initializer('w', [N, 64], weight)));
  const float = g.build();
  expect(float.nodes.map(({ op }) => op)).toContain('Gemm');
  const quantized = quantizeMatMuls(float, () => weight, { bits: 8, blockSize: 32 });
  expect(quantized.nodes.map(({ op }) => op)).not.toContain('Gemm');
  expect(await relativeError(float, quantized, uniform(2 * 64, 2), [2, 64])).toBeLessThan(0.015);
});

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

  const error = await relativeError(float, quantized, uniform(2 * M * K, 2), [2, M, K]);
  expect(error).toBeLessThan(bits === 8 ? 0.015 : 0.12);
});

/** Of the root mean squares of `y`, fed the same `x`. */
async function relativeError(exactly: Graph, rounded: Graph, x: Float32Array, dims: number[]) {
  const [exact, near] = await Promise.all(
    [exactly, rounded].map(async (graph) => {
      const session = await createSession(graph, encodeGraph(graph), { threads: 1 });
      return (await session.run({ x: tensor('float32', x, dims) }))['y']!.data as Float32Array;
    }),
  );
  const rms = (values: Float32Array) => Math.hypot(...values) / Math.sqrt(values.length);
  return rms(exact!.map((value, i) => value - near![i]!)) / rms(exact!);
}
