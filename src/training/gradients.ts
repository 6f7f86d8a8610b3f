// The table: one gradient rule per operator. In a rule, `grad` is the gradient of the first output,
// `grads` of all of them (undefined where nobody asked), `inputs` and `outputs` the node's values.
// A rule returns one entry per input: a gradient, or null where the input is not differentiable.
// Adding up and undoing broadcasts is for the walk in backward.ts, never done here.
import type { GraphBuilder, Node, Value } from '../onnx/graph.ts';
import { sizeOf } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';

export type GradientContext = {
  g: GraphBuilder;
  grad: Value;
  grads: readonly (Value | undefined)[];
  inputs: readonly Value[];
  outputs: readonly Value[];
  node: Node;
};

/** Of a table of which few rows were read: rows[i] belongs to row ids[i]; repeated ids add up. */
export type RowGradient = { ids: Value; rows: Value };
export type Gradient = Value | RowGradient;

export type GradientRule = (context: GradientContext) => (Gradient | null)[];

type In1 = Omit<GradientContext, 'inputs' | 'outputs'> & {
  inputs: readonly [Value];
  outputs: readonly [Value];
};
type In2 = Omit<GradientContext, 'inputs' | 'outputs'> & {
  inputs: readonly [Value, Value];
  outputs: readonly [Value];
};
// The arity of each operator is fixed by ops.ts, so rules may name their inputs.
const unary =
  (rule: (context: In1) => Value): GradientRule =>
  (context) => [rule(context as unknown as In1)];
const binary = (rule: (context: In2) => [Gradient | null, Value | null]): GradientRule =>
  ((context) => rule(context as unknown as In2)) as GradientRule;
const none: GradientRule = ({ inputs }) => inputs.map(() => null);

export const gradients: Readonly<Record<string, GradientRule>> = {
  Identity: unary(({ grad }) => grad),
  Neg: unary(({ g, grad }) => op.neg(g, grad)),
  Exp: unary(({ g, grad, outputs: [y] }) => op.mul(g, grad, y)),
  Log: unary(({ g, grad, inputs: [x] }) => op.div(g, grad, x)),
  Sqrt: unary(({ g, grad, outputs: [y] }) => op.div(g, op.mul(g, grad, g.scalar(0.5)), y)),
  Sigmoid: unary(({ g, grad, outputs: [y] }) =>
    op.mul(g, grad, op.mul(g, y, op.sub(g, g.scalar(1), y))),
  ),

  Clip: ({ g, grad, inputs: [x], outputs: [y] }) => [
    op.mul(g, grad, op.equal(g, x!, y!)),
    null,
    null,
  ],

  Add: binary(({ grad }) => [grad, grad]),
  Sub: binary(({ g, grad }) => [grad, op.neg(g, grad)]),
  Mul: binary(({ g, grad, inputs: [a, b] }) => [op.mul(g, grad, b), op.mul(g, grad, a)]),
  Div: binary(({ g, grad, inputs: [, b], outputs: [y] }) => {
    const da = op.div(g, grad, b);
    return [da, op.neg(g, op.mul(g, da, y))];
  }),
  Sum: ({ grad, inputs }) => inputs.map(() => grad),
  MatMul: binary(matmulGradient),

  Transpose: unary(({ g, grad, node }) =>
    op.transpose(g, grad, inverse(node.attributes['perm'] as number[])),
  ),
  Reshape: binary(({ g, grad, inputs: [x] }) => [op.reshape(g, grad, x.shape), null]),
  Expand: binary(({ grad }) => [grad, null]),
  Concat: ({ g, grad, inputs, node }) => {
    const axis = node.attributes['axis'] as number;
    return op.split(
      g,
      grad,
      inputs.map(({ shape }) => shape[axis] as number),
      axis,
    );
  },
  Split: ({ g, grads, outputs, node }) => [
    op.concat(
      g,
      outputs.map(({ shape }, i) => grads[i] ?? zeros(g, shape as number[])),
      node.attributes['axis'] as number,
    ),
    null,
  ],
  Slice: sliceGradient,
  Gather: binary(({ grad, inputs: [, ids] }) => [{ ids, rows: grad }, null]),
  GatherElements: binary(({ g, grad, inputs: [x, ids], node }) => [
    op.scatterAdd(g, zeros(g, x.shape as number[]), ids, grad, node.attributes['axis'] as number),
    null,
  ]),

  ReduceSum: binary(({ g, grad, inputs: [x], node }) => [spread(g, grad, x, node), null]),
  ReduceMean: binary(({ g, grad, inputs: [x], outputs: [y], node }) => [
    op.mul(g, spread(g, grad, x, node), g.scalar(sizeOf(y.shape) / sizeOf(x.shape))),
    null,
  ]),
  Softmax: unary(({ g, grad, outputs: [y] }) => {
    const product = op.mul(g, grad, y);
    return op.sub(g, product, op.mul(g, y, op.reduceSum(g, product, [-1])));
  }),
  LogSoftmax: unary(({ g, grad, outputs: [y] }) =>
    op.sub(g, grad, op.mul(g, op.exp(g, y), op.reduceSum(g, grad, [-1]))),
  ),
  LayerNormalization: layerNormGradient,
  SimplifiedLayerNormalization: rmsNormGradient,

  Cast: none,
  Greater: none,
  Equal: none,
  ArgMax: none,
  Unsqueeze: none, // only ever applied to position ids
};

/** dA = dC·Bᵀ, dB = Aᵀ·dC; a weight matrix sees all leading axes as one, so that its gradient is one product. */
function matmulGradient({ g, grad, inputs: [a, b] }: In2): [Value, Value] {
  if (b.shape.length === 2) {
    const rows = (x: Value): Value =>
      op.reshape(g, x, [sizeOf(x.shape) / (x.shape.at(-1) as number), x.shape.at(-1)!]);
    const flat = rows(grad);
    const da = op.reshape(g, op.gemm(g, flat, b, { transB: 1 }), a.shape);
    return [da, op.gemm(g, rows(a), flat, { transA: 1 })];
  }
  return [op.matmul(g, grad, swapLast(g, b)), op.matmul(g, swapLast(g, a), grad)];
}

function sliceGradient({ g, grad, inputs, outputs }: GradientContext): (Value | null)[] {
  const x = inputs[0]!;
  const axis = x.shape.findIndex((dim, i) => dim !== outputs[0]!.shape[i]);
  const start = g.constantData(inputs[1]!)[0] as bigint;
  const [size, length] = [x.shape[axis] as number, outputs[0]!.shape[axis] as number];
  return [op.pad(g, grad, axis, Number(start), size - length - Number(start)), null, null, null];
}

/** With x̂ = (x − mean)/σ and h = grad·gain: dx = (h − mean(h) − x̂·mean(h·x̂)) / σ. */
function layerNormGradient({ g, grad, inputs, outputs }: GradientContext): (Value | null)[] {
  const [x, gain] = inputs as [Value, Value];
  const [, mean, inverseDeviation] = outputs as [Value, Value, Value];
  const normal = op.mul(g, op.sub(g, x, mean), inverseDeviation);
  const h = op.mul(g, grad, gain);
  const alongMean = op.reduceMean(g, h, [-1]);
  const alongNormal = op.mul(g, normal, op.reduceMean(g, op.mul(g, h, normal), [-1]));
  const dx = op.mul(g, op.sub(g, op.sub(g, h, alongMean), alongNormal), inverseDeviation);
  return [dx, op.mul(g, grad, normal), grad];
}

/** With x̂ = x/ρ, ρ the root mean square, and h = grad·gain: dx = (h − x̂·mean(h·x̂)) / ρ. */
function rmsNormGradient({ g, grad, inputs, outputs }: GradientContext): (Value | null)[] {
  const [x, gain] = inputs as [Value, Value];
  const [, inverseRoot] = outputs as [Value, Value];
  const normal = op.mul(g, x, inverseRoot);
  const h = op.mul(g, grad, gain);
  const along = op.mul(g, normal, op.reduceMean(g, op.mul(g, h, normal), [-1]));
  return [op.mul(g, op.sub(g, h, along), inverseRoot), op.mul(g, grad, normal)];
}

function spread(g: GraphBuilder, grad: Value, x: Value, node: Node): Value {
  const axes = [...g.constantData(node.inputs[1]!)].map(Number);
  const kept = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  return op.expand(g, op.reshape(g, grad, kept), x.shape as number[]);
}

export function zeros(g: GraphBuilder, shape: readonly number[]): Value {
  return op.expand(g, g.scalar(0), shape);
}

function swapLast(g: GraphBuilder, x: Value): Value {
  const rank = x.shape.length;
  return op.transpose(g, x, [...x.shape.keys()].slice(0, -2).concat(rank - 1, rank - 2));
}

function inverse(perm: readonly number[]): number[] {
  const result = perm.map(() => 0);
  perm.forEach((from, to) => {
    result[from] = to;
  });
  return result;
}
