// The reverse walk: what it builds (printed), and how it refuses.
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/graph.ts';
import * as op from '../../src/onnx/ops.ts';
import { printGraph } from '../../src/onnx/print.ts';
import { backward } from '../../src/training/backward.ts';

describe('backward', () => {
  it('undoes broadcasting, adds up what meets and leaves the rest alone', () => {
    const g = new GraphBuilder('affine');
    const x = g.input('x', 'float32', [2, 3]);
    const w = g.input('w', 'float32', [3]);
    const y = op.add(g, op.mul(g, x, w), w);
    const [grad] = backward(g, op.reduceSum(g, y, [0, 1], 0), [w]);
    g.output('grad', grad!);
    expect(printGraph(g.build())).toMatchInlineSnapshot(`
      "graph affine {
        input x float32[2,3]
        input w float32[3]
        initializer const_0 int64[2]
        initializer const_1 float32[]
        initializer const_2 int64[2]
        initializer const_3 int64[2]
        initializer const_4 int64[1]
        initializer const_5 int64[1]
        mul_0:out float32[2,3] = Mul(x, w)
        add_0:out float32[2,3] = Add(mul_0:out, w)
        reducesum_0:out float32[] = ReduceSum(add_0:out, const_0) {keepdims=0}
        backward/reshape_0:out float32[1,1] = Reshape(const_1, const_2)
        backward/expand_0:out float32[2,3] = Expand(backward/reshape_0:out, const_3)
        backward/reducesum_0:out float32[1,3] = ReduceSum(backward/expand_0:out, const_4) {keepdims=1}
        backward/reshape_1:out float32[3] = Reshape(backward/reducesum_0:out, const_5)
        backward/mul_0:out float32[2,3] = Mul(backward/expand_0:out, w)
        backward/mul_1:out float32[2,3] = Mul(backward/expand_0:out, x)
        backward/reducesum_1:out float32[1,3] = ReduceSum(backward/mul_1:out, const_4) {keepdims=1}
        backward/reshape_2:out float32[3] = Reshape(backward/reducesum_1:out, const_5)
        sum_0:out float32[3] = Sum(backward/reshape_1:out, backward/reshape_2:out)
        grad float32[3] = Identity(sum_0:out)
        output grad float32[3]
      }"
    `);
  });

  it('names the operator that has no rule', () => {
    const g = new GraphBuilder('erf');
    const x = g.input('x', 'float32', [4]);
    const [y] = g.node({ op: 'Erf', inputs: [x] }, [{ dtype: 'float32', shape: [4] }]);
    const loss = op.reduceSum(g, y!, [0], 0);
    expect(() => backward(g, loss, [x])).toThrow(
      'no gradient rule for op "Erf" (node erf_0, inputs [4])',
    );
  });

  it('refuses a parameter that the loss does not depend on', () => {
    const g = new GraphBuilder('apart');
    const x = g.input('x', 'float32', [2]);
    const unused = g.input('unused', 'float32', [2]);
    const loss = op.reduceSum(g, x, [0], 0);
    expect(() => backward(g, loss, [unused])).toThrow('does not depend on unused');
  });

  it('refuses a loss that is no scalar', () => {
    const g = new GraphBuilder('vector');
    const x = g.input('x', 'float32', [2]);
    expect(() => backward(g, op.neg(g, x), [x])).toThrow('has the shape [2]');
  });
});
