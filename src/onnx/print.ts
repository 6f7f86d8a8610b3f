// Graph → text, one line per node with shapes (what snapshot tests store), and → DOT.
import type { Attribute, Graph, Value } from './graph.ts';

const typed = (value: Value): string => `${value.name} ${value.dtype}[${value.shape}]`;

function attributeText(attribute: Attribute): string {
  if (typeof attribute === 'object' && 'float' in attribute) return String(attribute.float);
  return typeof attribute === 'object' ? `[${attribute}]` : String(attribute);
}

/** `out float32[2,3] = Op(in, in) {attribute=value}`, in execution order. */
export function printGraph(graph: Graph): string {
  const nodes = graph.nodes.map((node) => {
    const attributes = Object.entries(node.attributes).map(
      ([key, value]) => `${key}=${attributeText(value)}`,
    );
    const call = `${node.op}(${node.inputs.map((input) => input.name).join(', ')})`;
    const suffix = attributes.length > 0 ? ` {${attributes.join(' ')}}` : '';
    return `  ${node.outputs.map(typed).join(', ')} = ${call}${suffix}`;
  });
  return [
    `graph ${graph.name} {`,
    ...graph.inputs.map((value) => `  input ${typed(value)}`),
    ...graph.initializers.map(({ value }) => `  initializer ${typed(value)}`),
    ...nodes,
    ...graph.outputs.map((value) => `  output ${typed(value)}`),
    '}',
  ].join('\n');
}

/** Graphviz source: boxes are nodes, edges carry dtype and shape. */
export function graphToDot(graph: Graph): string {
  const quote = (text: string): string => JSON.stringify(text);
  const lines = [`digraph ${quote(graph.name)} {`, '  node [shape=box, fontname=monospace]'];
  const maker = new Map<string, string>();
  for (const value of graph.inputs) {
    maker.set(value.name, value.name);
    lines.push(`  ${quote(value.name)} [shape=ellipse]`);
  }
  for (const node of graph.nodes) {
    lines.push(`  ${quote(node.name)} [label=${quote(node.op)}]`);
    for (const input of node.inputs) {
      const from = maker.get(input.name);
      const label = quote(`${input.dtype}[${input.shape}]`);
      if (from) lines.push(`  ${quote(from)} -> ${quote(node.name)} [label=${label}]`);
    }
    for (const output of node.outputs) maker.set(output.name, node.name);
  }
  for (const value of graph.outputs) {
    lines.push(`  ${quote(`result ${value.name}`)} [shape=ellipse]`);
    lines.push(`  ${quote(maker.get(value.name)!)} -> ${quote(`result ${value.name}`)}`);
  }
  return [...lines, '}'].join('\n');
}
