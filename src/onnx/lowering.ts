// Operators that a provider would leave to the CPU, spelled in those it has: each would cost a copy to the
// host and one back. What is still left to it: `npm run placement -- train <run> --device webgpu`.
import type { Device } from './device.ts';
import { checkGraph, type Graph, GraphBuilder, type Node, type Value } from './graph.ts';
import * as op from './ops.ts';

type Spelling = (g: GraphBuilder, inputs: readonly Value[]) => Value;

/** By operator; each has one output, and stands in for it exactly but for rounding. */
const spellings: Partial<Record<Device, Readonly<Record<string, Spelling>>>> = {
  webgpu: {
    Sum: (g, [first, ...others]) => others.reduce((sum, term) => op.add(g, sum, term), first!),
    // Centred on its largest element, so that no exponential is infinite.
    LogSoftmax: (g, [x]) => {
      const centred = op.sub(g, x!, op.reduceMax(g, x!, [-1]));
      return op.sub(g, centred, op.log(g, op.reduceSum(g, op.exp(g, centred), [-1])));
    },
  },
};

/** The graph as it is compiled for `device`: the same inputs, outputs and values. */
export function lowerGraph(graph: Graph, device: Device): Graph {
  const rules = spellings[device];
  if (!rules) return graph;
  const spelled = new GraphBuilder(graph.name, namesOf(graph));
  const nodes = graph.nodes.flatMap((node) => {
    const rule = rules[node.op];
    return rule ? spell(spelled, node, rule) : [node];
  });
  const lowered = {
    ...graph,
    nodes,
    initializers: [...graph.initializers, ...spelled.initializers],
  };
  checkGraph(lowered);
  return lowered;
}

/** The last of the new nodes makes what `node` made, under its name. */
function spell(g: GraphBuilder, node: Node, rule: Spelling): Node[] {
  const before = g.nodes.length;
  rule(g, node.inputs);
  const added = g.nodes.slice(before);
  const last = added.pop()!;
  return [...added, { ...last, outputs: node.outputs }];
}

function namesOf({ inputs, initializers, nodes }: Graph): string[] {
  return [
    ...inputs.map(({ name }) => name),
    ...initializers.map(({ value }) => value.name),
    ...nodes.map(({ name }) => name),
  ];
}
