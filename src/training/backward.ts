// Reverse-mode differentiation: walks a graph backwards, asks the table for each node's rule, adds up
// what meets, and undoes broadcasting.
import { type GraphBuilder, type Node, sizeOf, type Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import { type Gradient, gradients, type RowGradient, zeros } from './gradients.ts';

/**
 * Adds to `g` the gradient of the scalar `loss` with respect to each value in `wrt`.
 * @returns one value per entry of `wrt`, in order, each of that entry's shape
 * @throws when a rule is missing (by operator and node) or `loss` does not depend on an entry
 */
export function backward(g: GraphBuilder, loss: Value, wrt: readonly Value[]): Value[] {
  if (loss.shape.length !== 0)
    throw new Error(`backward: the loss ${loss.name} has the shape [${loss.shape}]`);
  const nodes = [...g.nodes];
  const active = dependents(nodes, wrt);
  const terms = new Map<string, Gradient[]>([[loss.name, [g.scalar(1)]]]);
  const total = (value: Value): Value | undefined => {
    const found = terms.get(value.name);
    return found && sumOf(g, value, found);
  };
  g.scope('backward', () => {
    for (const node of nodes.reverse()) {
      if (!node.outputs.some((output) => active.has(output.name) && terms.has(output.name)))
        continue;
      const grads = node.outputs.map(total);
      ruleOf(node)({
        g,
        node,
        inputs: node.inputs,
        outputs: node.outputs,
        grad: grads[0]!,
        grads,
      }).forEach((grad, i) => {
        const input = node.inputs[i]!;
        if (!grad || !active.has(input.name)) return;
        const known = terms.get(input.name) ?? [];
        terms.set(input.name, [...known, 'ids' in grad ? grad : unbroadcast(g, grad, input)]);
      });
    }
  });
  return wrt.map((value) => {
    const grad = total(value);
    if (!grad) throw new Error(`backward: ${loss.name} does not depend on ${value.name}`);
    return grad;
  });
}

/** Names of all values computed from `wrt`: nothing else needs a gradient. */
function dependents(nodes: readonly Node[], wrt: readonly Value[]): Set<string> {
  const active = new Set(wrt.map((value) => value.name));
  for (const node of nodes) {
    if (node.inputs.some((input) => active.has(input.name))) {
      for (const output of node.outputs) active.add(output.name);
    }
  }
  return active;
}

function ruleOf(node: Node) {
  const rule = gradients[node.op];
  if (!rule) {
    const shapes = node.inputs.map(({ shape }) => `[${shape}]`).join(', ');
    throw new Error(`no gradient rule for op "${node.op}" (node ${node.name}, inputs ${shapes})`);
  }
  return (context: Parameters<typeof rule>[0]): (Gradient | null)[] => {
    const grads = rule(context);
    if (grads.length !== node.inputs.length) {
      throw new Error(
        `the gradient rule of "${node.op}" gave ${grads.length} entries for ${node.inputs.length} inputs`,
      );
    }
    return grads;
  };
}

/**
 * Lookups are added into what else the table got (a tied lm_head's share): a table of zeros for each
 * would cost more than the lookups.
 */
function sumOf(g: GraphBuilder, value: Value, found: readonly Gradient[]): Value {
  const whole = found.filter((term): term is Value => !('ids' in term));
  const lookups = found.filter((term): term is RowGradient => 'ids' in term);
  const base = whole.length > 0 ? op.sum(g, whole) : null;
  if (lookups.length === 0) return base!;
  const D = value.shape[1] as number;
  const flat = (x: Value, width: number): Value =>
    op.reshape(g, x, [sizeOf(x.shape) / width, width]);
  const ids = op.concat(
    g,
    lookups.map((lookup) => flat(lookup.ids, 1)),
    0,
  );
  const rows = op.concat(
    g,
    lookups.map((lookup) => flat(lookup.rows, D)),
    0,
  );
  const index = op.expand(g, ids, rows.shape as number[]);
  return op.scatterAdd(g, base ?? zeros(g, value.shape as number[]), index, rows, 0);
}

/** Sums `grad` over the axes along which `input` was repeated. */
function unbroadcast(g: GraphBuilder, grad: Value, input: Value): Value {
  if (String(grad.shape) === String(input.shape)) return grad;
  const lead = grad.shape.length - input.shape.length;
  const axes = [...grad.shape.keys()].filter(
    (axis) => axis < lead || (input.shape[axis - lead] === 1 && grad.shape[axis] !== 1),
  );
  return op.reshape(g, op.reduceSum(g, grad, axes), input.shape);
}
