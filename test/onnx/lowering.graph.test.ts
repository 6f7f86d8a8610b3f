// Graphs as they are compiled for a device: spelled otherwise, with the same values.
import { expect, it } from 'vitest';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { type Graph, GraphBuilder } from '../../src/onnx/graph.ts';
import { lowerGraph } from '../../src/onnx/lowering.ts';
import * as op from '../../src/onnx/ops.ts';
import { createSession, tensor } from '../../src/onnx/session.ts';
import '../support/to-be-allclose.ts';

/** Two of each, among nodes whose names and constants the new ones must not take. */
function example(): Graph {
  const g = new GraphBuilder('example');
  const [x, y] = [g.input('x', 'float32', [2, 3]), g.input('y', 'float32', [2, 3])];
  const three = op.sum(g, [x, y, op.sub(g, x, y)]);
  const first = op.logSoftmax(g, op.mul(g, three, g.scalar(40)));
  const second = op.logSoftmax(g, op.sum(g, [first, y]));
  g.output('z', op.sub(g, op.reduceSum(g, second, [1]), op.sum(g, [x])));
  return g.build();
}

const graph = example();

async function computed(each: Graph): Promise<Float32Array> {
  const session = await createSession(each, encodeGraph(each), { threads: 1 });
  const x = tensor('float32', Float32Array.of(9, -2, 3, 50, 5, -60), [2, 3]);
  const y = tensor('float32', Float32Array.of(0.5, 1, -1, 2, 0.25, 4), [2, 3]);
  const { z } = await session.run({ x, y });
  await session.release();
  return z!.data as Float32Array;
}

it('for WebGPU: no operator that it lacks, and the same values', async () => {
  const lowered = lowerGraph(graph, 'webgpu');
  const operators = lowered.nodes.map(({ op }) => op);
  expect(operators).not.toContain('Sum');
  expect(operators).not.toContain('LogSoftmax');
  expect(lowered.nodes.filter(({ op }) => op === 'ReduceMax')).toHaveLength(2);
  expect([lowered.inputs, lowered.outputs]).toEqual([graph.inputs, graph.outputs]);
  // Logits of some thousand: exponentials of what is not centred would be infinite.
  const values = await computed(lowered);
  expect(values).toBeAllclose(await computed(graph), { relative: 1e-6, absolute: 0 });
});

it('for the CPU: as it is', () => {
  expect(lowerGraph(graph, 'cpu')).toBe(graph);
});
