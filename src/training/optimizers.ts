// Parameter updates as graph ops. AdamW (Loshchilov & Hutter 2019, as torch.optim.AdamW computes it) for
// everything; optionally Muon (Jordan et al. 2024) for the hidden matrices.
import type { ParameterRow } from '../model/parameters.ts';
import { type Graph, GraphBuilder, type Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';

export type OptimizerConfig = {
  hiddenMatrices: 'adamw' | 'muon';
  betas: readonly [number, number];
  epsilon: number;
  weightDecay: number;
  /** 'all' is the reference's behaviour; 'matrices' spares embeddings, gains and biases. */
  decay: 'all' | 'matrices';
  /** Gradients are scaled down to this global norm; null: never. */
  clipNorm: number | null;
};

/** Scalars that change from step to step, fed at each run. */
type Schedule = {
  /** What clipping multiplies every gradient by. */
  gradientScale: Value;
  learningRate: Value;
  /** 1 − β₁ᵗ and 1 − β₂ᵗ. */
  correction1: Value;
  correction2: Value;
};

type Update = { parameter: Value; state: Value[] };

const usesMuon = (row: ParameterRow, config: OptimizerConfig): boolean =>
  row.kind === 'matrix' && config.hiddenMatrices === 'muon';

/** The optimiser's tensors for one parameter, each of the parameter's shape. */
export function stateKinds(row: ParameterRow, config: OptimizerConfig): string[] {
  return usesMuon(row, config) ? ['momentum'] : ['mean', 'variance'];
}

/** Joint L2 norm of all gradients. */
export function globalNorm(gradients: Iterable<Float32Array>): number {
  let squares = 0;
  for (const gradient of gradients) {
    for (let i = 0; i < gradient.length; i++) squares += gradient[i]! * gradient[i]!;
  }
  return Math.sqrt(squares);
}

/** What gradients of this joint norm are multiplied by, so that it is at most `clipNorm`. */
export function clipScale(norm: number, clipNorm: number | null): number {
  return clipNorm === null ? 1 : Math.min(1, clipNorm / (norm + 1e-6));
}

/**
 * One update of one parameter. Inputs: parameter, gradient, the tensors of stateKinds, and the scalars
 * gradient_scale, learning_rate, correction_1, correction_2. Outputs: `next/` + parameter and each state.
 */
export function updateGraph(row: ParameterRow, config: OptimizerConfig): Graph {
  const g = new GraphBuilder('update');
  const like = (name: string): Value => g.input(name, 'float32', row.shape);
  const scalar = (name: string): Value => g.input(name, 'float32', []);
  const kinds = stateKinds(row, config);
  const [parameter, gradient, states] = [like('parameter'), like('gradient'), kinds.map(like)];
  const schedule = {
    gradientScale: scalar('gradient_scale'),
    learningRate: scalar('learning_rate'),
    correction1: scalar('correction_1'),
    correction2: scalar('correction_2'),
  };
  const update = updateParameter(g, row, parameter, gradient, states, schedule, config);
  g.output('next/parameter', update.parameter);
  kinds.forEach((kind, i) => {
    g.output(`next/${kind}`, update.state[i]!);
  });
  return g.build();
}

function updateParameter(
  g: GraphBuilder,
  row: ParameterRow,
  parameter: Value,
  gradient: Value,
  state: readonly Value[],
  schedule: Schedule,
  config: OptimizerConfig,
): Update {
  const grad = op.mul(g, gradient, schedule.gradientScale);
  const decays = config.weightDecay > 0 && (config.decay === 'all' || row.kind === 'matrix');
  const shrink = op.sub(
    g,
    g.scalar(1),
    op.mul(g, schedule.learningRate, g.scalar(config.weightDecay)),
  );
  const decayed = decays ? op.mul(g, parameter, shrink) : parameter;
  const { change, next } = usesMuon(row, config)
    ? muon(g, grad, state[0]!)
    : adam(g, grad, state as [Value, Value], schedule, config);
  return { parameter: op.sub(g, decayed, op.mul(g, schedule.learningRate, change)), state: next };
}

function adam(
  g: GraphBuilder,
  grad: Value,
  [mean, variance]: readonly [Value, Value],
  { correction1, correction2 }: Schedule,
  { betas: [beta1, beta2], epsilon }: OptimizerConfig,
): { change: Value; next: Value[] } {
  const blend = (old: Value, fresh: Value, beta: number): Value =>
    op.add(g, op.mul(g, old, g.scalar(beta)), op.mul(g, fresh, g.scalar(1 - beta)));
  const m = blend(mean, grad, beta1);
  const v = blend(variance, op.mul(g, grad, grad), beta2);
  const deviation = op.add(g, op.sqrt(g, op.div(g, v, correction2)), g.scalar(epsilon));
  return { change: op.div(g, op.div(g, m, correction1), deviation), next: [m, v] };
}

/** Nesterov momentum made orthogonal by five Newton–Schulz iterations, scaled to AdamW's typical update size. */
function muon(g: GraphBuilder, grad: Value, momentum: Value): { change: Value; next: Value[] } {
  const MU = 0.95;
  const [a, b, c] = [3.4445, -4.775, 2.0315]; // Jordan's quintic, steepest at zero
  const next = op.add(g, op.mul(g, momentum, g.scalar(MU)), grad);
  const step = op.add(g, grad, op.mul(g, next, g.scalar(MU)));
  const [rows, columns] = step.shape as [number, number];
  const tall = rows > columns;
  const wide = tall ? op.transpose(g, step, [1, 0]) : step;
  const norm = op.add(g, op.sqrt(g, op.reduceSumSquare(g, wide, [0, 1])), g.scalar(1e-7));
  let x = op.div(g, wide, norm);
  for (let i = 0; i < 5; i++) {
    const s = op.gemm(g, x, x, { transB: 1 });
    const polynomial = op.add(
      g,
      op.mul(g, s, g.scalar(b)),
      op.mul(g, op.gemm(g, s, s), g.scalar(c)),
    );
    x = op.add(g, op.mul(g, x, g.scalar(a)), op.gemm(g, polynomial, x));
  }
  const orthogonal = tall ? op.transpose(g, x, [1, 0]) : x;
  // 0.2·√max(rows, columns) matches AdamW's root-mean-square update (Liu et al. 2025, arXiv 2502.16982).
  return {
    change: op.mul(g, orthogonal, g.scalar(0.2 * Math.sqrt(Math.max(rows, columns)))),
    next: [next],
  };
}
