// Rewrites a graph whose weights are initializers: each product with a weight matrix becomes ONNX
// Runtime's MatMulNBits on quantised weights. The forward passes know nothing of it, so that it
// serves every architecture. Embeddings stay as they are: a step reads a few of their rows only.
import type { Graph, Initializer, Node, Value } from '../onnx/graph.ts';
import { type MatrixSize, type QuantizedSize, quantizeMatrix } from './quantize.ts';

/** Computes in int8 (activations are quantised per block too): 4 times as fast as level 1 and less. */
const INT8_ACCURACY = 4;

/** @param read the named initializer's values as float32 */
export function quantizeMatMuls(
  graph: Graph,
  read: (name: string) => Float32Array,
  size: QuantizedSize,
): Graph {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((o) => [o.name, node])));
  const weights = new Set(graph.initializers.map(({ value }) => value.name));
  const added: Initializer[] = [];
  const nodes = graph.nodes.map((node) => {
    const weight = node.op === 'MatMul' ? weightBehind(node.inputs[1]!, makers, weights) : null;
    if (!weight) return node;
    const { name, ...matrix } = weight;
    const { packed, scales, blocks } = quantizeMatrix(read(name), matrix, size);
    const { bits, blockSize } = size;
    const shape = [matrix.N, blocks, (blockSize * bits) / 8];
    const stored: Value = { name: `${name}:int${bits}`, dtype: 'uint8', shape };
    const scale: Value = { name: `${name}:scales`, dtype: 'float32', shape: [scales.length] };
    added.push({ value: stored, data: packed }, { value: scale, data: scales });
    return {
      ...node,
      op: 'MatMulNBits',
      domain: 'com.microsoft',
      inputs: [node.inputs[0]!, stored, scale],
      attributes: {
        K: matrix.K,
        N: matrix.N,
        bits,
        block_size: blockSize,
        accuracy_level: INT8_ACCURACY,
      },
    };
  });
  return { ...graph, nodes, initializers: [...graph.initializers, ...added] };
}

/** The stored matrix that `value` is, was widened from, or is the transpose of; null for others. */
function weightBehind(
  value: Value,
  makers: ReadonlyMap<string, Node>,
  weights: ReadonlySet<string>,
): ({ name: string } & MatrixSize) | null {
  const [K, N] = value.shape;
  if (value.shape.length !== 2 || typeof K !== 'number' || typeof N !== 'number') return null;
  let layout: MatrixSize['layout'] = 'in-out';
  for (let at = value; ; ) {
    if (weights.has(at.name)) return { name: at.name, K, N, layout };
    const maker = makers.get(at.name);
    if (maker?.op === 'Transpose') layout = layout === 'in-out' ? 'out-in' : 'in-out';
    else if (maker?.op !== 'Cast') return null;
    at = maker.inputs[0]!;
  }
}
