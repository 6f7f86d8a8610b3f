// ONNX graphs as plain data, the builder that grows them, and the check that a graph is legal.
// Knows nothing of single ops (ops.ts), bytes (encode.ts) or running (session.ts).

export type DType = 'float32' | 'int64' | 'bool' | 'uint8' | 'float16' | 'bfloat16';
/** A string is a symbolic dimension: equal strings are equal sizes, known at run time. */
export type Dim = number | string;
export type Shape = readonly Dim[];
export type TensorData = Float32Array | BigInt64Array | Uint8Array;
export type Attribute = number | string | readonly number[] | { float: number };

export type Value = { readonly name: string; readonly dtype: DType; readonly shape: Shape };
export type Attributes = Readonly<Record<string, Attribute>>;

export type Node = {
  readonly name: string;
  readonly op: string;
  /** '' is ONNX's own operator set; 'com.microsoft' the runtime's contributed one. */
  readonly domain: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
};

/** Bytes of a file that lies in the session's weights folder. */
export type FileRange = {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
};

/** A constant: its bytes are in the graph, or in a file that the runtime maps. */
export type Initializer =
  | { readonly value: Value; readonly data: TensorData }
  | { readonly value: Value; readonly range: FileRange };

export type Graph = {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly initializers: readonly Initializer[];
  readonly nodes: readonly Node[];
};

type NodeSpec = { op: string; inputs: readonly Value[]; attributes?: Attributes; domain?: string };

/** Grows one graph; hands out unique names (scope/op_n) so that printed graphs can be read. */
export class GraphBuilder {
  readonly name: string;
  readonly nodes: Node[] = [];
  readonly initializers: Initializer[] = [];
  #inputs: Value[] = [];
  #outputs: Value[] = [];
  #constants = new Map<string, Value>();
  #names: Set<string>;
  #counts = new Map<string, number>();
  #scopes: string[] = [];

  /** @param taken names that it may not give, for nodes that go into another graph */
  constructor(name: string, taken: Iterable<string> = []) {
    this.name = name;
    this.#names = new Set(taken);
  }

  /** Names made inside `body` start with `scope/`. */
  scope<T>(scope: string, body: () => T): T {
    this.#scopes.push(scope);
    try {
      return body();
    } finally {
      this.#scopes.pop();
    }
  }

  input(name: string, dtype: DType, shape: Shape): Value {
    const value = { name: this.#claim(name), dtype, shape };
    this.#inputs.push(value);
    return value;
  }

  /** A weight or table kept in the graph under its own name. */
  initializer(name: string, shape: Shape, data: TensorData, dtype = dtypeOf(data)): Value {
    const value = { name: this.#claim(name), dtype, shape };
    this.initializers.push({ value, data });
    return value;
  }

  /** A weight that stays in its file: little-endian, row-major. */
  mappedInitializer(name: string, dtype: DType, shape: Shape, range: FileRange): Value {
    const value = { name: this.#claim(name), dtype, shape };
    this.initializers.push({ value, range });
    return value;
  }

  /** A small constant; equal constants share one initializer. */
  constant(data: TensorData, shape: Shape = []): Value {
    const key = `${dtypeOf(data)}[${shape}]:${data.join()}`;
    const known = this.#constants.get(key);
    if (known) return known;
    const value = this.initializer(this.fresh('const'), shape, data);
    this.#constants.set(key, value);
    return value;
  }

  /** What a constant of this graph holds; throws for any other value. */
  constantData(value: Value): TensorData {
    const found = this.initializers.find((initializer) => initializer.value.name === value.name);
    if (!found || !('data' in found))
      throw new Error(`graph ${this.name}: "${value.name}" is no constant`);
    return found.data;
  }

  scalar(x: number): Value {
    return this.constant(Float32Array.of(x));
  }

  node(spec: NodeSpec, outputs: readonly { dtype: DType; shape: Shape }[]): Value[] {
    const name = this.#claim(this.fresh([...this.#scopes, spec.op.toLowerCase()].join('/')));
    const values = outputs.map(({ dtype, shape }, i) => ({
      name: outputs.length === 1 ? `${name}:out` : `${name}:out${i}`,
      dtype,
      shape,
    }));
    this.nodes.push({
      name,
      op: spec.op,
      domain: spec.domain ?? '',
      inputs: spec.inputs,
      outputs: values,
      attributes: spec.attributes ?? {},
    });
    return values;
  }

  /** Marks `value` as a result, under a name that callers can fetch it by. */
  output(name: string, value: Value): Value {
    const named = { name: this.#claim(name), dtype: value.dtype, shape: value.shape };
    this.nodes.push({
      name: `${name}:identity`,
      op: 'Identity',
      domain: '',
      inputs: [value],
      outputs: [named],
      attributes: {},
    });
    this.#outputs.push(named);
    return named;
  }

  build(): Graph {
    const graph = {
      name: this.name,
      inputs: this.#inputs,
      outputs: this.#outputs,
      initializers: this.initializers,
      nodes: this.nodes,
    };
    checkGraph(graph);
    return graph;
  }

  /** `stem` with the first number that makes it a name of its own. */
  fresh(stem: string): string {
    let n = this.#counts.get(stem) ?? 0;
    while (this.#names.has(`${stem}_${n}`)) n++;
    this.#counts.set(stem, n + 1);
    return `${stem}_${n}`;
  }

  #claim(name: string): string {
    if (this.#names.has(name)) throw new Error(`graph ${this.name}: the name "${name}" is taken`);
    this.#names.add(name);
    return name;
  }
}

function dtypeOf(data: TensorData): DType {
  if (data instanceof Float32Array) return 'float32';
  return data instanceof BigInt64Array ? 'int64' : 'bool';
}

/** Bytes of one element. */
const elementBytes: Record<DType, number> = {
  float32: 4,
  int64: 8,
  bool: 1,
  uint8: 1,
  float16: 2,
  bfloat16: 2,
};

/** Number of elements of a static shape; throws on a symbolic dimension. */
export function sizeOf(shape: Shape): number {
  return shape.reduce<number>((size, dim) => {
    if (typeof dim === 'string')
      throw new Error(`shape [${shape}] has the symbolic dimension ${dim}`);
    return size * dim;
  }, 1);
}

/**
 * Throws unless every value is defined before it is used and only once, every output is
 * reachable, and every initializer holds as many elements as its shape says.
 */
export function checkGraph(graph: Graph): void {
  const defined = new Map<string, Value>();
  const define = (value: Value, by: string): void => {
    if (defined.has(value.name)) throw new Error(`${by}: "${value.name}" is defined twice`);
    const bad = value.shape.find(
      (dim) => typeof dim === 'number' && !(Number.isInteger(dim) && dim >= 0),
    );
    if (bad !== undefined) throw new Error(`${by}: "${value.name}" has the shape [${value.shape}]`);
    defined.set(value.name, value);
  };
  for (const value of graph.inputs) define(value, `graph ${graph.name}`);
  for (const initializer of graph.initializers) {
    const { value } = initializer;
    define(value, `graph ${graph.name}`);
    const size = sizeOf(value.shape);
    const given =
      'data' in initializer
        ? initializer.data.length
        : initializer.range.length / elementBytes[value.dtype];
    if (given !== size) {
      throw new Error(
        `initializer "${value.name}" [${value.shape}] needs ${size} elements, got ${given}`,
      );
    }
  }
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      const known = defined.get(input.name);
      const use = `node ${node.name} (${node.op})`;
      if (!known) throw new Error(`${use}: input "${input.name}" is not defined before it`);
      if (known.dtype !== input.dtype || String(known.shape) !== String(input.shape)) {
        throw new Error(
          `${use}: input "${input.name}" is ${known.dtype}[${known.shape}], used as ${input.dtype}[${input.shape}]`,
        );
      }
    }
    for (const output of node.outputs) define(output, `node ${node.name} (${node.op})`);
  }
  for (const output of graph.outputs) {
    if (!defined.has(output.name))
      throw new Error(`graph ${graph.name}: output "${output.name}" is never made`);
  }
}
