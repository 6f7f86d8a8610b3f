// Every rule of the gradient table against central differences. The loop runs over the table, so a rule
// without a case fails here.
import { describe, expect, it } from 'vitest';
import type { GraphBuilder } from '../../src/onnx/graph.ts';
import * as op from '../../src/onnx/ops.ts';
import { gradients } from '../../src/training/gradients.ts';
import { type GradientCase, gradientError } from '../support/numeric-gradient.ts';

const ids = (g: GraphBuilder, values: number[], shape: number[]) =>
  g.constant(BigInt64Array.from(values, BigInt), shape);
const one = (
  shape: number[],
  build: (g: GraphBuilder, x: never) => unknown,
  range?: [number, number],
): GradientCase => ({
  shapes: [shape],
  build: (g, [x]) => build(g, x as never) as never,
  ...(range ? { range } : {}),
});

/** At least one case per rule; broadcasting and odd axes where the operator has them. */
const cases: Record<string, GradientCase[]> = {
  Identity: [
    one(
      [3],
      (g, x) => g.node({ op: 'Identity', inputs: [x] }, [{ dtype: 'float32', shape: [3] }])[0],
    ),
  ],
  Neg: [one([2, 3], op.neg)],
  Exp: [one([2, 3], op.exp)],
  Log: [one([2, 3], op.log, [0.5, 2])],
  Sqrt: [one([2, 3], op.sqrt, [0.5, 2])],
  Sigmoid: [one([2, 3], op.sigmoid)],
  Clip: [one([3, 4], (g, x) => op.clip(g, x, -0.45, 0.55))],
  Add: [
    { shapes: [[2, 3], [3]], build: (g, [a, b]) => op.add(g, a!, b!) },
    {
      shapes: [
        [2, 1],
        [4, 1, 3],
      ],
      build: (g, [a, b]) => op.add(g, a!, b!),
    },
  ],
  Sub: [{ shapes: [[3], [2, 3]], build: (g, [a, b]) => op.sub(g, a!, b!) }],
  Mul: [
    {
      shapes: [
        [2, 3],
        [2, 1],
      ],
      build: (g, [a, b]) => op.mul(g, a!, b!),
    },
    one([4], (g, x) => op.mul(g, x, x)),
  ],
  Div: [{ shapes: [[2, 3], [3]], build: (g, [a, b]) => op.div(g, a!, b!), range: [0.5, 2] }],
  Sum: [one([2, 3], (g, x) => op.sum(g, [x, op.exp(g, x), x]))],
  MatMul: [
    {
      shapes: [
        [2, 3, 4],
        [4, 5],
      ],
      build: (g, [a, b]) => op.matmul(g, a!, b!),
    },
    {
      shapes: [
        [2, 2, 3, 4],
        [2, 2, 4, 3],
      ],
      build: (g, [a, b]) => op.matmul(g, a!, b!),
    },
    {
      shapes: [
        [2, 1, 3, 4],
        [2, 4, 3],
      ],
      build: (g, [a, b]) => op.matmul(g, a!, b!),
    },
  ],
  Transpose: [one([2, 3, 4], (g, x) => op.transpose(g, x, [2, 0, 1]))],
  Reshape: [one([2, 6], (g, x) => op.reshape(g, x, [3, 4]))],
  Expand: [one([2, 1], (g, x) => op.expand(g, x, [3, 2, 4]))],
  Concat: [
    {
      shapes: [
        [2, 1],
        [2, 3],
      ],
      build: (g, parts) => op.concat(g, parts, 1),
    },
  ],
  Split: [
    one([2, 5], (g, x) =>
      op.mul(g, ...(op.split(g, op.concat(g, [x, x], 1), [5, 5], 1) as [never, never])),
    ),
    one([2, 5], (g, x) => op.split(g, x, [2, 3], -1)[1]), // nobody asks for the first piece
  ],
  Slice: [one([2, 5, 2], (g, x) => op.slice(g, x, 1, 1, 4))],
  Gather: [one([4, 3], (g, x) => op.gather(g, x, ids(g, [1, 3, 1, 0], [2, 2])))],
  GatherElements: [one([2, 4], (g, x) => op.gatherElements(g, x, ids(g, [3, 0], [2, 1])))],
  ReduceSum: [
    one([2, 3, 4], (g, x) => op.reduceSum(g, x, [1])),
    one([2, 3], (g, x) => op.reduceSum(g, x, [0], 0)),
  ],
  ReduceMean: [one([2, 3, 4], (g, x) => op.reduceMean(g, x, [0, 2]))],
  Softmax: [one([2, 5], op.softmax)],
  LogSoftmax: [one([2, 5], op.logSoftmax)],
  LayerNormalization: [
    {
      shapes: [[2, 3, 6], [6], [6]],
      build: (g, [x, gain, bias]) => op.layerNorm(g, x!, gain!, bias!, 1e-5),
    },
  ],
  SimplifiedLayerNormalization: [
    { shapes: [[2, 3, 6], [6]], build: (g, [x, gain]) => op.rmsNorm(g, x!, gain!, 1e-5) },
  ],
};

/** Rules that say "not differentiable": their inputs are ids or their outputs steps. */
const without = ['Cast', 'Greater', 'Equal', 'ArgMax', 'Unsqueeze'];

describe('gradient table', () => {
  const rules = Object.keys(gradients).filter((name) => !without.includes(name));

  it.each(rules)('%s agrees with central differences', async (name) => {
    expect(cases[name], `no case for the rule "${name}"`).toBeDefined();
    for (const gradientCase of cases[name]!)
      expect(await gradientError(gradientCase)).toBeLessThan(2e-3);
  });

  it('has no case for a rule that is gone', () => {
    expect(Object.keys(cases).filter((name) => !rules.includes(name))).toEqual([]);
  });
});
