// A checkpoint → the step graph that the engine runs, over weights that stay in model.safetensors:
// the runtime maps them. Quantised ones are made here, at load, and travel inside the graph.
import { basename, dirname } from 'node:path';
import { encodeGraph } from '../onnx/encode.ts';
import type { DType, Graph, GraphBuilder, Value } from '../onnx/graph.ts';
import * as op from '../onnx/ops.ts';
import type { ModelFiles } from './checkpoint.ts';
import type { ModelConfig } from './model-config.ts';
import { parameterTable } from './parameters.ts';
import { quantizeMatMuls } from './quantized-graph.ts';
import { readTensor } from './safetensors.ts';
import type { Dtype } from './safetensors-header.ts';
import { type KvResidence, stepGraph } from './serving-graphs.ts';

export const weightFormats = ['fp32', 'int8', 'int4'] as const;
export type WeightFormat = (typeof weightFormats)[number];

/** Ready for createSession; `weightsDir` is where its mapped initializers lie. */
export type ServingModel = { graph: Graph; bytes: Uint8Array; weightsDir: string };

/** Small blocks cost scales, large ones accuracy; 32 is what the runtime's kernels are fastest at. */
const blockSize = 32;

/** A ModelProto is a protobuf message: no more than this, mapped weights not counted. */
const maxGraphBytes = 2 ** 31 - 1;

/** Throws where the quantised weights exceed what one graph can hold. */
export function servingModel(
  weights: ModelFiles,
  format: WeightFormat,
  residence: KvResidence = 'host',
): ServingModel {
  const { config, weightsPath, header } = weights;
  const mapped = stepGraph(config, residence, (g) => mapWeights(g, config, weights));
  const read = (name: string) => readTensor(weightsPath, header, name);
  const graph =
    format === 'fp32'
      ? mapped
      : quantizeMatMuls(mapped, read, { bits: format === 'int8' ? 8 : 4, blockSize });
  const bytesInside = graph.initializers.reduce(
    (sum, initializer) => sum + ('data' in initializer ? initializer.data.byteLength : 0),
    0,
  );
  if (bytesInside > maxGraphBytes) {
    throw new Error(
      `${weightsPath}: ${bytesInside} bytes of ${format} weights, a graph holds ${maxGraphBytes}`,
    );
  }
  return { graph, bytes: encodeGraph(graph), weightsDir: dirname(weightsPath) };
}

const graphDtypes: Partial<Record<Dtype, DType>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
};

/** Halves are widened in the graph; the runtime folds that into constants when it creates a session. */
export function mapWeights(
  g: GraphBuilder,
  config: ModelConfig,
  { weightsPath, header }: ModelFiles,
): Map<string, Value> {
  const file = basename(weightsPath);
  const declare = ({ name, shape }: { name: string; shape: number[] }): [string, Value] => {
    const entry = header.tensors.get(name);
    const dtype = entry && graphDtypes[entry.dtype];
    if (!dtype) throw new Error(`${weightsPath}: tensor "${name}" is missing or no float`);
    const { offset, length } = entry;
    const stored = g.mappedInitializer(name, dtype, shape, { file, offset, length });
    return [name, dtype === 'float32' ? stored : op.toFloat32(g, stored)];
  };
  return new Map(parameterTable(config).map(declare));
}
