// Parameter updates as graph ops. AdamW (Loshchilov & Hutter 2019, as torch.optim.AdamW computes it) for
// everything; optionally Muon (Jordan et al. 2024) for the hidden matrices.
import type { ParameterRow } from '../model/parameters.ts';
import type { GraphBuilder, Value } from '../onnx/graph.ts';
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
export type Schedule = {
  learningRate: Value;
  /** 1 − β₁ᵗ and 1 − β₂ᵗ. */
  correction1: Value;
  correction2: Value;
};

type Update = { parameter: Value; state: Value[] };

const usesMuon = (row: ParameterRow, config: OptimizerConfig): boolean =>
  row.kind === 'matrix' && config.hiddenMatrices === 'muon';

/** Names of the optimiser's tensors for one parameter, each of the parameter's shape. */
export function stateNames(row: ParameterRow, config: OptimizerConfig): string[] {
  return usesMuon(row, config)
    ? [`momentum/${row.name}`]
    : [`mean/${row.name}`, `variance/${row.name}`];
}

/** Scales all gradients so that their joint L2 norm is at most `clipNorm`; returns the norm before that. */
export function clipByGlobalNorm(
  g: GraphBuilder,
  grads: readonly Value[],
  clipNorm: number | null,
): { clipped: Value[]; norm: Value } {
  const squares = grads.map((grad) => op.reduceSumSquare(g, grad, [...grad.shape.keys()], 0));
  const norm = op.sqrt(g, op.sum(g, squares));
  if (clipNorm === null) return { clipped: [...grads], norm };
  const scale = op.min(
    g,
    g.scalar(1),
    op.div(g, g.scalar(clipNorm), op.add(g, norm, g.scalar(1e-6))),
  );
  return { clipped: grads.map((grad) => op.mul(g, grad, scale)), norm };
}

/** One optimiser step for one parameter. */
export function updateParameter(
  g: GraphBuilder,
  row: ParameterRow,
  parameter: Value,
  grad: Value,
  state: readonly Value[],
  schedule: Schedule,
  config: OptimizerConfig,
): Update {
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
