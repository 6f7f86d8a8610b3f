// Graphs are legal or refused by name and number; what is printed and encoded is what was built.
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { checkGraph, GraphBuilder } from '../../src/onnx/graph.ts';
import * as op from '../../src/onnx/ops.ts';
import { graphToDot, printGraph } from '../../src/onnx/print.ts';

function example() {
  const g = new GraphBuilder('example');
  const x = g.input('x', 'float32', ['B', 3]);
  const w = g.initializer('w', [3, 2], Float32Array.of(1, 2, 3, 4, 5, 6));
  g.output('y', op.softmax(g, op.matmul(g, x, w)));
  return g.build();
}

describe('printing', () => {
  it('gives one line per node with shapes', () => {
    expect(printGraph(example())).toMatchInlineSnapshot(`
      "graph example {
        input x float32[B,3]
        initializer w float32[3,2]
        matmul_0:out float32[B,2] = MatMul(x, w)
        softmax_0:out float32[B,2] = Softmax(matmul_0:out) {axis=-1}
        y float32[B,2] = Identity(softmax_0:out)
        output y float32[B,2]
      }"
    `);
  });

  it('gives Graphviz source in which every node and result stands', () => {
    const dot = graphToDot(example());
    for (const name of ['matmul_0', 'softmax_0', 'result y']) expect(dot).toContain(`"${name}"`);
    expect(dot).toContain('"x" -> "matmul_0" [label="float32[B,3]"]');
  });
});

describe('checkGraph', () => {
  const graph = example();

  it.each([
    [
      'a value used before it is made',
      { ...graph, nodes: graph.nodes.toReversed() },
      'is not defined before it',
    ],
    [
      'a value made twice',
      { ...graph, nodes: [...graph.nodes, graph.nodes[0]!] },
      'is defined twice',
    ],
    [
      'an output nobody makes',
      { ...graph, nodes: graph.nodes.slice(0, 1) },
      'output "y" is never made',
    ],
    [
      'an initializer of another size',
      { ...graph, initializers: [{ ...graph.initializers[0]!, data: new Float32Array(5) }] },
      'initializer "w" [3,2] needs 6 elements, got 5',
    ],
    [
      'a value used with another shape',
      { ...graph, inputs: [{ ...graph.inputs[0]!, shape: ['B', 4] }] },
      'input "x" is float32[B,4], used as float32[B,3]',
    ],
  ])('refuses %s', (_, broken, message) => {
    expect(() => checkGraph(broken as typeof graph)).toThrow(message);
  });
});

describe('shape rules', () => {
  const g = new GraphBuilder('shapes');
  const a = g.input('a', 'float32', [2, 3]);
  const b = g.input('b', 'float32', [4, 5]);

  it.each([
    ['MatMul', () => op.matmul(g, a, b), 'MatMul: a [2,3] × b [4,5] do not fit'],
    ['Add', () => op.add(g, a, b), 'Add: shapes [2,3] and [4,5] do not broadcast'],
    ['Reshape', () => op.reshape(g, a, [7]), 'Reshape: [2,3] cannot become [7]'],
    ['Slice', () => op.slice(g, a, 1, 2, 9), 'Slice: 2:9 does not fit axis 1 of [2,3]'],
    ['Concat', () => op.concat(g, [a, b], 0), 'Concat: [2,3] and [4,5] differ off axis 0'],
    [
      'Split',
      () => op.split(g, a, [1, 1], 1),
      'Split: sizes [1,1] do not add up to axis 1 of [2,3]',
    ],
    [
      'Transpose',
      () => op.transpose(g, a, [0, 0]),
      'Transpose: perm [0,0] does not fit the shape [2,3]',
    ],
  ])('%s names the shapes that do not fit', (_, build, message) => {
    expect(build).toThrow(message);
  });
});

describe('encodeGraph', () => {
  it('leaves out nodes that reach no output', () => {
    const g = new GraphBuilder('dead');
    const x = g.input('x', 'float32', [2]);
    op.exp(g, x);
    g.output('y', op.neg(g, x));
    const text = Buffer.from(encodeGraph(g.build())).toString('latin1');
    expect(text).toContain('Neg');
    expect(text).not.toContain('Exp');
  });

  it('writes ir_version 10 and producer in the fields of ModelProto', () => {
    const reader = protobuf.Reader.create(encodeGraph(example()));
    expect(reader.uint32() >>> 3).toBe(1);
    expect(Number(reader.int64())).toBe(10);
    expect(reader.uint32() >>> 3).toBe(2);
    expect(reader.string()).toBe('coconut-serve');
  });
});
