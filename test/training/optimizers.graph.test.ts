// Parameter updates against their papers' formulas in plain arithmetic: AdamW, what decays, clipping, Muon.
import { describe, expect, it } from 'vitest';
import type { ParameterKind, ParameterRow } from '../../src/model/parameters.ts';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { createSession, tensor } from '../../src/onnx/session.ts';
import { Random } from '../../src/random.ts';
import {
  clipScale,
  globalNorm,
  type OptimizerConfig,
  stateKinds,
  updateGraph,
} from '../../src/training/optimizers.ts';
import '../support/to-be-allclose.ts';

const adamw: OptimizerConfig = {
  hiddenMatrices: 'adamw',
  betas: [0.9, 0.98],
  epsilon: 1e-8,
  weightDecay: 0.1,
  decay: 'matrices',
  clipNorm: null,
};
const learningRate = 0.01;
const close = { relative: 1e-5, absolute: 1e-7 };

const normals = (seed: number, size: number): Float32Array => {
  const random = new Random(seed);
  return Float32Array.from({ length: size }, () => random.normal());
};

/** One parameter through as many updates as there are gradients, its state starting at zero. */
async function trained(
  row: ParameterRow,
  config: OptimizerConfig,
  start: Float32Array,
  gradients: readonly Float32Array[],
  gradientScale = 1,
): Promise<Float32Array> {
  const graph = updateGraph(row, config);
  const session = await createSession(graph, encodeGraph(graph), { threads: 1 });
  const scalar = (x: number) => tensor('float32', Float32Array.of(x), []);
  const kinds = stateKinds(row, config);
  let now: Record<string, Float32Array> = {
    parameter: start,
    ...Object.fromEntries(kinds.map((kind) => [kind, new Float32Array(start.length)])),
  };
  for (const [t, gradient] of gradients.entries()) {
    const tensors = Object.entries({ ...now, gradient });
    const outputs = await session.run({
      ...Object.fromEntries(tensors.map(([name, x]) => [name, tensor('float32', x, row.shape)])),
      gradient_scale: scalar(gradientScale),
      learning_rate: scalar(learningRate),
      correction_1: scalar(1 - config.betas[0] ** (t + 1)),
      correction_2: scalar(1 - config.betas[1] ** (t + 1)),
    });
    now = Object.fromEntries(
      Object.keys(now).map((name) => [name, outputs[`next/${name}`]!.data as Float32Array]),
    );
  }
  await session.release();
  return now['parameter']!;
}

/** Loshchilov & Hutter's algorithm 2 on one number. */
function adamwByHand(start: number, grads: readonly number[], weightDecay: number): number {
  const { betas, epsilon } = adamw;
  let [w, m, v] = [start, 0, 0];
  grads.forEach((grad, i) => {
    m = betas[0] * m + (1 - betas[0]) * grad;
    v = betas[1] * v + (1 - betas[1]) * grad ** 2;
    const [mean, variance] = [m / (1 - betas[0] ** (i + 1)), v / (1 - betas[1] ** (i + 1))];
    w -= learningRate * (mean / (Math.sqrt(variance) + epsilon) + weightDecay * w);
  });
  return w;
}

describe('AdamW', () => {
  const [start, grads] = [normals(1, 6), [2, 3, 4].map((seed) => normals(seed, 6))];
  const byHand = (weightDecay: number) =>
    [...start].map((w, i) =>
      adamwByHand(
        w,
        grads.map((grad) => grad[i]!),
        weightDecay,
      ),
    );
  const updated = (kind: ParameterKind, config: OptimizerConfig) =>
    trained({ name: 'w', shape: kind === 'matrix' ? [2, 3] : [6], kind }, config, start, grads);

  it('follows the formula over three steps, decay on matrices', async () => {
    expect(await updated('matrix', adamw)).toBeAllclose(byHand(0.1), close);
  });

  it.each<ParameterKind>(['embedding', 'gain', 'bias'])(
    'spares the %s, unless all decay',
    async (kind) => {
      expect(await updated(kind, adamw)).toBeAllclose(byHand(0), close);
      expect(await updated(kind, { ...adamw, decay: 'all' })).toBeAllclose(byHand(0.1), close);
    },
  );
});

describe('clipping by the global norm', () => {
  it('takes the norm of all gradients together', () => {
    expect(globalNorm([Float32Array.of(3, 0, 0), Float32Array.of(0, 4)])).toBeCloseTo(5, 12);
  });

  it('scales down to the limit, never up, and not at all without one', () => {
    expect(clipScale(5, 1)).toBeCloseTo(0.2, 6);
    expect(clipScale(5, 10)).toBe(1);
    expect(clipScale(5, null)).toBe(1);
  });

  it('is what the update sees of the gradient', async () => {
    const row: ParameterRow = { name: 'w', shape: [6], kind: 'gain' };
    const [start, gradient] = [normals(1, 6), normals(2, 6)];
    const scaled = await trained(row, adamw, start, [gradient], 0.2);
    const same = await trained(row, adamw, start, [gradient.map((x) => 0.2 * x)]);
    expect(scaled).toBeAllclose(same, close);
  });
});

describe('Muon', () => {
  const muon: OptimizerConfig = { ...adamw, hiddenMatrices: 'muon', weightDecay: 0 };

  it.each([
    [8, 24],
    [24, 8],
    [8, 8],
  ])('moves a [%i, %i] matrix by a nearly orthogonal one', async (rows, columns) => {
    // Row r has a gradient 30 times as large as the last row's: plain momentum would follow it alone.
    const grad = normals(5, rows * columns).map((x, i) => x * (i < columns ? 30 : 1));
    const row: ParameterRow = { name: 'w', shape: [rows, columns], kind: 'matrix' };
    const moved = await trained(row, muon, new Float32Array(rows * columns), [grad]);
    const scale = -learningRate * 0.2 * Math.sqrt(Math.max(rows, columns));
    for (const value of singularValues(
      moved.map((x) => x / scale),
      rows,
      columns,
    )) {
      expect(value).toBeGreaterThan(0.3);
      expect(value).toBeLessThan(1.3);
    }
  });

  it('is for matrices only, which then carry a momentum alone', () => {
    const kinds = (kind: ParameterKind) => stateKinds({ name: 'w', shape: [2, 2], kind }, muon);
    expect(kinds('matrix')).toEqual(['momentum']);
    expect(kinds('embedding')).toEqual(['mean', 'variance']);
  });

  it('remembers: what it saw first still moves it after an empty gradient', async () => {
    const row: ParameterRow = { name: 'w', shape: [3, 4], kind: 'matrix' };
    const [start, grad] = [new Float32Array(12), normals(6, 12)];
    const once = await trained(row, muon, start, [grad]);
    const twice = await trained(row, muon, start, [grad, start]);
    expect(twice).toBeAllclose(
      [...once].map((x) => 2 * x),
      { relative: 1e-3, absolute: 1e-6 },
    );
  });
});

/** Square roots of the eigenvalues of the smaller Gram matrix, by Jacobi rotations. */
function singularValues(m: ArrayLike<number>, rows: number, columns: number): number[] {
  const n = Math.min(rows, columns);
  const inner = Math.max(rows, columns);
  const at = (i: number, k: number) =>
    rows <= columns ? m[i * columns + k]! : m[k * columns + i]!;
  const a = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) =>
      Array.from({ length: inner }, (_, k) => at(i, k) * at(j, k)).reduce((x, y) => x + y, 0),
    ),
  );
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, p, q);
  }
  return a.map((row, i) => Math.sqrt(row[i]!));
}

/** Makes a[p][q] zero. */
function rotate(a: number[][], p: number, q: number): void {
  if (a[p]![q] === 0) return;
  const angle = 0.5 * Math.atan2(2 * a[p]![q]!, a[q]![q]! - a[p]![p]!);
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  for (const row of a) [row[p], row[q]] = [c * row[p]! - s * row[q]!, s * row[p]! + c * row[q]!];
  const [up, uq] = [a[p]!, a[q]!];
  a[p] = up.map((x, k) => c * x - s * uq[k]!);
  a[q] = up.map((x, k) => s * x + c * uq[k]!);
}
