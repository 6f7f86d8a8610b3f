// One function per ONNX operator (opset 20): the shape rule is here, the gradient is in
// src/training/gradients.ts. Every function takes the graph it adds to, then values, then attributes.
import type { Dim, GraphBuilder, Shape, Value } from './graph.ts';

/** ONNX's broadcasting of two shapes; throws naming `op` when they do not fit. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    throw new Error(`${op}: shapes [${a}] and [${b}] do not broadcast`);
  });
}

const one = (values: Value[]): Value => values[0]!;

const unary =
  (op: string) =>
  (g: GraphBuilder, x: Value): Value =>
    one(g.node({ op, inputs: [x] }, [{ dtype: x.dtype, shape: x.shape }]));

const binary =
  (op: string) =>
  (g: GraphBuilder, a: Value, b: Value): Value => {
    if (a.dtype !== b.dtype)
      throw new Error(`${op}: ${a.name} is ${a.dtype}, ${b.name} is ${b.dtype}`);
    const shape = broadcastShapes(op, a.shape, b.shape);
    return one(g.node({ op, inputs: [a, b] }, [{ dtype: a.dtype, shape }]));
  };

export const exp = unary('Exp');
export const log = unary('Log');
export const neg = unary('Neg');
export const sqrt = unary('Sqrt');
export const sigmoid = unary('Sigmoid');

export const add = binary('Add');
export const sub = binary('Sub');
export const mul = binary('Mul');
export const div = binary('Div');

/** A comparison whose answer is 1 or 0 in float32. */
const comparison =
  (op: string) =>
  (g: GraphBuilder, a: Value, b: Value): Value => {
    const shape = broadcastShapes(op, a.shape, b.shape);
    return toFloat32(g, one(g.node({ op, inputs: [a, b] }, [{ dtype: 'bool', shape }])));
  };

/** Any dtype → float32. */
export function toFloat32(g: GraphBuilder, x: Value): Value {
  const FLOAT = 1; // TensorProto.DataType
  return one(
    g.node({ op: 'Cast', inputs: [x], attributes: { to: FLOAT } }, [
      { dtype: 'float32', shape: x.shape },
    ]),
  );
}

/** The same value, through which no gradient flows: the gradient table has no way back through Cast. */
export const detach = toFloat32;

/** Each element brought into [low, high]. */
export function clip(g: GraphBuilder, x: Value, low: number, high: number): Value {
  return one(
    g.node({ op: 'Clip', inputs: [x, g.scalar(low), g.scalar(high)] }, [
      { dtype: x.dtype, shape: x.shape },
    ]),
  );
}

export const greater = comparison('Greater');
export const equal = comparison('Equal');

/** Index of the largest element of the last axis: [..., V] → int64 [..., 1]; ties go to the lowest. */
export function argMax(g: GraphBuilder, x: Value): Value {
  const shape = [...x.shape.slice(0, -1), 1];
  return one(
    g.node({ op: 'ArgMax', inputs: [x], attributes: { axis: -1 } }, [{ dtype: 'int64', shape }]),
  );
}

/** [..., M, K] × [..., K, N] → [..., M, N], batch dimensions broadcast. */
export function matmul(g: GraphBuilder, a: Value, b: Value): Value {
  const [k, n] = [b.shape.at(-2), b.shape.at(-1)];
  if (a.shape.length < 2 || b.shape.length < 2 || a.shape.at(-1) !== k) {
    throw new Error(`MatMul: ${a.name} [${a.shape}] × ${b.name} [${b.shape}] do not fit`);
  }
  const batch = broadcastShapes('MatMul', a.shape.slice(0, -2), b.shape.slice(0, -2));
  const shape = [...batch, a.shape.at(-2)!, n!];
  return one(g.node({ op: 'MatMul', inputs: [a, b] }, [{ dtype: a.dtype, shape }]));
}

/** Matrices only: a[ᵀ] × b[ᵀ]; the transposes cost nothing here. */
export function gemm(
  g: GraphBuilder,
  a: Value,
  b: Value,
  flags: { transA?: 0 | 1; transB?: 0 | 1 } = {},
): Value {
  const { transA = 0, transB = 0 } = flags;
  const [m, k] = transA ? [a.shape[1], a.shape[0]] : [a.shape[0], a.shape[1]];
  const [k2, n] = transB ? [b.shape[1], b.shape[0]] : [b.shape[0], b.shape[1]];
  if (a.shape.length !== 2 || b.shape.length !== 2 || k !== k2) {
    throw new Error(
      `Gemm: [${a.shape}] × [${b.shape}] do not fit (transA ${transA}, transB ${transB})`,
    );
  }
  return one(
    g.node({ op: 'Gemm', inputs: [a, b], attributes: { transA, transB } }, [
      { dtype: a.dtype, shape: [m!, n!] },
    ]),
  );
}

/**
 * a × bᵀ, b stored [N, K]. Matrices go to Gemm, which reads b as it lies; else a constant b is transposed
 * once, when the session is made.
 */
export function matmulTransposed(g: GraphBuilder, a: Value, b: Value): Value {
  if (a.shape.length === 2) return gemm(g, a, b, { transB: 1 });
  return matmul(g, a, transpose(g, b, [1, 0]));
}

export function transpose(g: GraphBuilder, x: Value, perm: readonly number[]): Value {
  if ([...perm].sort((a, b) => a - b).join() !== x.shape.map((_, i) => i).join()) {
    throw new Error(`Transpose: perm [${perm}] does not fit the shape [${x.shape}]`);
  }
  const shape = perm.map((axis) => x.shape[axis]!);
  return one(
    g.node({ op: 'Transpose', inputs: [x], attributes: { perm } }, [{ dtype: x.dtype, shape }]),
  );
}

/** A symbolic dimension is kept where it stands; at most one may be inferred elsewhere. */
export function reshape(g: GraphBuilder, x: Value, shape: Shape): Value {
  const sizes = shape.map((dim, i) => {
    if (typeof dim === 'number') return dim;
    return x.shape[i] === dim ? 0 : -1;
  });
  const count = (dims: Shape): number =>
    dims.reduce<number>((n, dim) => (typeof dim === 'number' ? n * dim : n), 1);
  const known = [...x.shape, ...shape].every((dim) => typeof dim === 'number');
  if (
    sizes.filter((size) => size === -1).length > 1 ||
    (known && count(x.shape) !== count(shape))
  ) {
    throw new Error(`Reshape: [${x.shape}] cannot become [${shape}]`);
  }
  const target = g.constant(BigInt64Array.from(sizes, BigInt), [shape.length]);
  return one(g.node({ op: 'Reshape', inputs: [x, target] }, [{ dtype: x.dtype, shape }]));
}

export function concat(g: GraphBuilder, parts: readonly Value[], axis: number): Value {
  const first = parts[0]!;
  if (parts.length === 1) return first;
  const at = axis < 0 ? axis + first.shape.length : axis;
  for (const part of parts) {
    const fits = part.shape.length === first.shape.length;
    if (!fits || part.shape.some((dim, i) => i !== at && dim !== first.shape[i])) {
      throw new Error(`Concat: [${first.shape}] and [${part.shape}] differ off axis ${at}`);
    }
  }
  const sizes = parts.map((part) => part.shape[at]!);
  const total = sizes.every((size) => typeof size === 'number')
    ? sizes.reduce<number>((sum, size) => sum + (size as number), 0)
    : sizes.join('+');
  const shape = first.shape.map((dim, i) => (i === at ? total : dim));
  return one(
    g.node({ op: 'Concat', inputs: parts, attributes: { axis: at } }, [
      { dtype: first.dtype, shape },
    ]),
  );
}

/** Cuts x along `axis` into pieces of the given sizes. */
export function split(g: GraphBuilder, x: Value, sizes: readonly number[], axis: number): Value[] {
  const at = axis < 0 ? axis + x.shape.length : axis;
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (x.shape[at] !== total)
    throw new Error(`Split: sizes [${sizes}] do not add up to axis ${at} of [${x.shape}]`);
  if (sizes.length === 1) return [x];
  const lengths = g.constant(BigInt64Array.from(sizes, BigInt), [sizes.length]);
  return g.node(
    { op: 'Split', inputs: [x, lengths], attributes: { axis: at } },
    sizes.map((size) => ({
      dtype: x.dtype,
      shape: x.shape.map((dim, i) => (i === at ? size : dim)),
    })),
  );
}

/** x[..., start:end, ...] along one static axis. */
export function slice(g: GraphBuilder, x: Value, axis: number, start: number, end: number): Value {
  const size = x.shape[axis];
  if (typeof size !== 'number' || start < 0 || end > size || start >= end) {
    throw new Error(`Slice: ${start}:${end} does not fit axis ${axis} of [${x.shape}]`);
  }
  if (start === 0 && end === size) return x;
  const at = (n: number): Value => g.constant(BigInt64Array.of(BigInt(n)), [1]);
  const shape = x.shape.map((dim, i) => (i === axis ? end - start : dim));
  return one(
    g.node({ op: 'Slice', inputs: [x, at(start), at(end), at(axis)] }, [{ dtype: x.dtype, shape }]),
  );
}

/** Zeros before and after along one axis: what slice cut away. */
export function pad(g: GraphBuilder, x: Value, axis: number, before: number, after: number): Value {
  const size = x.shape[axis];
  if (typeof size !== 'number') throw new Error(`Pad: axis ${axis} of [${x.shape}] is symbolic`);
  const amounts = (n: number) => x.shape.map((_, i) => (i === axis ? n : 0));
  const pads = [...amounts(before), ...amounts(after)];
  const sizes = g.constant(BigInt64Array.from(pads, BigInt), [pads.length]);
  const shape = x.shape.map((dim, i) => (i === axis ? before + size + after : dim));
  return one(g.node({ op: 'Pad', inputs: [x, sizes] }, [{ dtype: x.dtype, shape }]));
}

/** Sum of values of one shape. */
export function sum(g: GraphBuilder, terms: readonly Value[]): Value {
  const first = terms[0]!;
  if (terms.length === 1) return first;
  const odd = terms.find((term) => String(term.shape) !== String(first.shape));
  if (odd) throw new Error(`Sum: [${first.shape}] and [${odd.shape}] differ`);
  return one(g.node({ op: 'Sum', inputs: terms }, [{ dtype: first.dtype, shape: first.shape }]));
}

/** Rows of `table` [V, D] by index: ids [...] → [..., D]. */
export function gather(g: GraphBuilder, table: Value, ids: Value): Value {
  const shape = [...ids.shape, ...table.shape.slice(1)];
  return one(
    g.node({ op: 'Gather', inputs: [table, ids], attributes: { axis: 0 } }, [
      { dtype: table.dtype, shape },
    ]),
  );
}

/** One element of the last axis per row: x [..., V], ids [..., 1] → [..., 1]. */
export function gatherElements(g: GraphBuilder, x: Value, ids: Value): Value {
  const axis = x.shape.length - 1;
  return one(
    g.node({ op: 'GatherElements', inputs: [x, ids], attributes: { axis } }, [
      { dtype: x.dtype, shape: ids.shape },
    ]),
  );
}

/** base with `updates` added at `indices` along `axis`; repeated indices add up. */
export function scatterAdd(
  g: GraphBuilder,
  base: Value,
  indices: Value,
  updates: Value,
  axis: number,
): Value {
  if (String(indices.shape) !== String(updates.shape)) {
    throw new Error(`ScatterElements: indices [${indices.shape}], updates [${updates.shape}]`);
  }
  return one(
    g.node(
      {
        op: 'ScatterElements',
        inputs: [base, indices, updates],
        attributes: { axis, reduction: 'add' },
      },
      [{ dtype: base.dtype, shape: base.shape }],
    ),
  );
}

/** `table` [P, D] with row rows[i] replaced by updates[i]: rows int64 [M, 1], no two alike, updates [M, D]. */
export function scatterRows(g: GraphBuilder, table: Value, rows: Value, updates: Value): Value {
  const [M, D] = [rows.shape[0], table.shape[1]];
  if (String([rows.shape, updates.shape]) !== String([M, 1, M, D]))
    throw new Error(
      `ScatterND: rows [${rows.shape}], updates [${updates.shape}], table [${table.shape}]`,
    );
  return one(
    g.node({ op: 'ScatterND', inputs: [table, rows, updates] }, [
      { dtype: table.dtype, shape: table.shape },
    ]),
  );
}

export function expand(g: GraphBuilder, x: Value, shape: readonly number[]): Value {
  broadcastShapes('Expand', x.shape, shape);
  const target = g.constant(BigInt64Array.from(shape, BigInt), [shape.length]);
  return one(g.node({ op: 'Expand', inputs: [x, target] }, [{ dtype: x.dtype, shape }]));
}

const reduction =
  (op: string) =>
  (g: GraphBuilder, x: Value, axes: readonly number[], keepdims: 0 | 1 = 1): Value => {
    const at = axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis));
    const shape = keepdims
      ? x.shape.map((dim, i) => (at.includes(i) ? 1 : dim))
      : x.shape.filter((_, i) => !at.includes(i));
    const which = g.constant(BigInt64Array.from(at, BigInt), [at.length]);
    return one(
      g.node({ op, inputs: [x, which], attributes: { keepdims } }, [{ dtype: x.dtype, shape }]),
    );
  };

export const reduceSum = reduction('ReduceSum');
export const reduceMax = reduction('ReduceMax');
export const reduceMean = reduction('ReduceMean');
export const reduceSumSquare = reduction('ReduceSumSquare');

const overLastAxis =
  (op: string) =>
  (g: GraphBuilder, x: Value): Value =>
    one(
      g.node({ op, inputs: [x], attributes: { axis: -1 } }, [{ dtype: x.dtype, shape: x.shape }]),
    );

export const softmax = overLastAxis('Softmax');
export const logSoftmax = overLastAxis('LogSoftmax');

/** Over the last axis D: (x − mean) / √(var + ε) · gain + bias, gain and bias [D]. */
export function layerNorm(
  g: GraphBuilder,
  x: Value,
  gain: Value,
  bias: Value,
  epsilon: number,
): Value {
  const rows = [...x.shape.slice(0, -1), 1];
  const attributes = { axis: -1, epsilon: { float: epsilon } };
  const [y] = g.node({ op: 'LayerNormalization', inputs: [x, gain, bias], attributes }, [
    { dtype: x.dtype, shape: x.shape },
    { dtype: x.dtype, shape: rows }, // mean
    { dtype: x.dtype, shape: rows }, // 1 / √(var + ε)
  ]);
  return y!;
}

/** Over the last axis D: x / √(mean(x²) + ε) · gain, gain [D] (Zhang & Sennrich 2019, arXiv 1910.07467). */
export function rmsNorm(g: GraphBuilder, x: Value, gain: Value, epsilon: number): Value {
  const attributes = { axis: -1, epsilon: { float: epsilon } };
  // The runtime's own operator, which it registers in ONNX's domain.
  const [y] = g.node({ op: 'SimplifiedLayerNormalization', inputs: [x, gain], attributes }, [
    { dtype: x.dtype, shape: x.shape },
    { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] }, // 1 / √(mean(x²) + ε)
  ]);
  return y!;
}
