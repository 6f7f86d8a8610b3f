// Graph → ModelProto bytes. The messages are the part of ONNX's onnx.proto that we write, as a
// protobufjs descriptor; field numbers are ONNX's (IR version 10, opset 20).
import protobuf from 'protobufjs';
import type { Attribute, DType, Graph, Initializer, Node, TensorData, Value } from './graph.ts';

const field = (type: string, id: number, rule?: 'repeated') =>
  rule ? { type, id, rule } : { type, id };
const many = (type: string, id: number) => field(type, id, 'repeated');

const root = protobuf.Root.fromJSON({
  nested: {
    OperatorSetId: { fields: { domain: field('string', 1), version: field('int64', 2) } },
    StringStringEntry: { fields: { key: field('string', 1), value: field('string', 2) } },
    Dimension: { fields: { dimValue: field('int64', 1), dimParam: field('string', 2) } },
    TensorShape: { fields: { dim: many('Dimension', 1) } },
    TensorType: { fields: { elemType: field('int32', 1), shape: field('TensorShape', 2) } },
    Type: { fields: { tensorType: field('TensorType', 1) } },
    ValueInfo: { fields: { name: field('string', 1), type: field('Type', 2) } },
    Tensor: {
      fields: {
        dims: many('int64', 1),
        dataType: field('int32', 2),
        name: field('string', 8),
        rawData: field('bytes', 9),
        externalData: many('StringStringEntry', 13),
        dataLocation: field('int32', 14),
      },
    },
    Attribute: {
      fields: {
        name: field('string', 1),
        f: field('float', 2),
        i: field('int64', 3),
        s: field('bytes', 4),
        ints: many('int64', 8),
        type: field('int32', 20),
      },
    },
    Node: {
      fields: {
        input: many('string', 1),
        output: many('string', 2),
        name: field('string', 3),
        opType: field('string', 4),
        attribute: many('Attribute', 5),
        domain: field('string', 7),
      },
    },
    Graph: {
      fields: {
        node: many('Node', 1),
        name: field('string', 2),
        initializer: many('Tensor', 5),
        input: many('ValueInfo', 11),
        output: many('ValueInfo', 12),
      },
    },
    Model: {
      fields: {
        irVersion: field('int64', 1),
        producerName: field('string', 2),
        graph: field('Graph', 7),
        opsetImport: many('OperatorSetId', 8),
      },
    },
  },
});

const dataTypes: Record<DType, number> = {
  float32: 1,
  uint8: 2,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
};
const attributeTypes = { FLOAT: 1, INT: 2, STRING: 3, INTS: 7 };
const EXTERNAL = 1; // TensorProto.DataLocation

function encodeAttribute(name: string, attribute: Attribute): object {
  if (typeof attribute === 'number') return { name, i: attribute, type: attributeTypes.INT };
  if (typeof attribute === 'string') {
    return { name, s: new TextEncoder().encode(attribute), type: attributeTypes.STRING };
  }
  if ('float' in attribute) return { name, f: attribute.float, type: attributeTypes.FLOAT };
  return { name, ints: attribute, type: attributeTypes.INTS };
}

function encodeValue({ name, dtype, shape }: Value): object {
  const dim = shape.map((size) =>
    typeof size === 'number' ? { dimValue: size } : { dimParam: size },
  );
  return { name, type: { tensorType: { elemType: dataTypes[dtype], shape: { dim } } } };
}

const rawBytes = (data: TensorData): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function encodeInitializer(initializer: Initializer): object {
  const { name, shape, dtype } = initializer.value;
  const tensor = { name, dims: shape, dataType: dataTypes[dtype] };
  if ('data' in initializer) return { ...tensor, rawData: rawBytes(initializer.data) };
  const { file, offset, length } = initializer.range;
  const entries = Object.entries({ location: file, offset, length });
  const externalData = entries.map(([key, value]) => ({ key, value: String(value) }));
  return { ...tensor, externalData, dataLocation: EXTERNAL };
}

function encodeNode(node: Node, used: ReadonlySet<string>): object {
  // Trailing outputs that nobody reads are left out: the runtime then need not compute them.
  const last = node.outputs.findLastIndex((output) => used.has(output.name));
  return {
    name: node.name,
    opType: node.op,
    domain: node.domain,
    input: node.inputs.map((input) => input.name),
    output: node.outputs.slice(0, last + 1).map((output) => output.name),
    attribute: Object.entries(node.attributes).map(([name, attribute]) =>
      encodeAttribute(name, attribute),
    ),
  };
}

/** Nodes whose results reach an output, in order: what backward built in vain is dropped. */
function liveNodes(graph: Graph): { nodes: Node[]; used: Set<string> } {
  const used = new Set(graph.outputs.map((output) => output.name));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => used.has(output.name))) continue;
    nodes.push(node);
    for (const input of node.inputs) used.add(input.name);
  }
  return { nodes: nodes.reverse(), used };
}

/** The graph as an ONNX file: runs in ONNX Runtime, opens in Netron. */
export function encodeGraph(graph: Graph): Uint8Array {
  const { nodes, used } = liveNodes(graph);
  const model = {
    irVersion: 10,
    producerName: 'coconut-serve',
    opsetImport: [
      { domain: '', version: 20 },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: graph.name,
      node: nodes.map((node) => encodeNode(node, used)),
      initializer: graph.initializers
        .filter(({ value }) => used.has(value.name))
        .map(encodeInitializer),
      input: graph.inputs.map(encodeValue),
      output: graph.outputs.map(encodeValue),
    },
  };
  return root.lookupType('Model').encode(model).finish();
}
