// Inputs of the step graph for B sequences that have S positions behind them and T new ones: token ids that
// differ, and zeros for everything else.
import { type Graph, sizeOf } from '../src/onnx/graph.ts';
import { type Tensor, tensor } from '../src/onnx/session.ts';

/** Every row wants logits at its last position, none a hidden state. */
export function stepFeeds(
  graph: Graph,
  { B, T, S }: { B: number; T: number; S: number },
): Record<string, Tensor> {
  const sizes: Record<string, number> = { B, T, S, R: B, N: 0 };
  const integers: Record<string, (i: number) => number> = {
    token_ids: (i) => 7 * i,
    position_ids: (i) => S + (i % T),
    logit_rows: (b) => b * T + T - 1,
  };
  const feed = ({ name, dtype, shape }: Graph['inputs'][number]): [string, Tensor] => {
    const dims = shape.map((dim) => (typeof dim === 'number' ? dim : sizes[dim]!));
    const size = sizeOf(dims);
    if (dtype === 'float32') return [name, tensor('float32', new Float32Array(size), dims)];
    const at = integers[name] ?? (() => 0);
    const ids = BigInt64Array.from({ length: size }, (_, i) => BigInt(at(i)));
    return [name, tensor('int64', ids, dims)];
  };
  return Object.fromEntries(graph.inputs.map(feed));
}
