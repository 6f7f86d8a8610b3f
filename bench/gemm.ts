// How fast this machine multiplies matrices in ONNX Runtime, and how much of that a graph asks for.
import { encodeGraph } from '../src/onnx/encode.ts';
import { type Graph, GraphBuilder, type Node, sizeOf } from '../src/onnx/graph.ts';
import * as op from '../src/onnx/ops.ts';
import { createSession, tensor } from '../src/onnx/session.ts';

const SIZE = 1024;

/** Seconds on the wall, or of one processor, which are the fairer ones on a machine shared with other work. */
type Clock = 'wall' | 'processor';

/** Fastest of 10 products of two square matrices, in floating-point operations per second. */
export async function gemmPeak(threads: number, clock: Clock = 'wall'): Promise<number> {
  const g = new GraphBuilder('gemm-peak');
  const a = g.input('a', 'float32', [SIZE, SIZE]);
  const b = g.input('b', 'float32', [SIZE, SIZE]);
  // Summed up, so that no large output is copied.
  g.output('sum', op.reduceSum(g, op.matmul(g, a, b), [0, 1], 0));
  const graph = g.build();
  const session = await createSession(graph, encodeGraph(graph), { threads });
  const ones = tensor('float32', new Float32Array(SIZE * SIZE).fill(1), [SIZE, SIZE]);
  const seconds: number[] = [];
  for (let i = 0; i < 10; i++) {
    const [start, processor] = [performance.now(), process.cpuUsage()];
    await session.run({ a: ones, b: ones });
    const { user, system } = process.cpuUsage(processor);
    seconds.push(clock === 'wall' ? (performance.now() - start) / 1e3 : (user + system) / 1e6);
  }
  await session.release();
  return (2 * SIZE ** 3) / Math.min(...seconds);
}

/** Floating-point operations of a static graph's matrix products; everything else counts nothing. */
export function gemmOperations(graph: Graph): number {
  return graph.nodes.reduce((sum, node) => sum + productOperations(node), 0);
}

function productOperations({ op, inputs, outputs, attributes }: Node): number {
  if (op !== 'MatMul' && op !== 'Gemm') return 0;
  const { transA } = attributes;
  const inner = inputs[0]!.shape.at(transA === 1 ? -2 : -1) as number;
  return 2 * inner * sizeOf(outputs[0]!.shape);
}
