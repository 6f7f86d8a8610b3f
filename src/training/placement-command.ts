// `placement`: which nodes of a graph a device computes and which are left to the CPU, as the runtime's
// profile of one run has it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readModelFiles } from '../model/checkpoint.ts';
import { servingModel, type WeightFormat } from '../model/serving-model.ts';
import type { Device } from '../onnx/device.ts';
import { encodeGraph } from '../onnx/encode.ts';
import { type Graph, sizeOf, type Value } from '../onnx/graph.ts';
import { lowerGraph } from '../onnx/lowering.ts';
import { type NodeRun, profiledNodes } from '../onnx/profile.ts';
import { createSession, type Feeds, type Tensor, tensor } from '../onnx/session.ts';
import { type GraphKind, graphOf } from './show-graph.ts';

type Compiled = { graph: Graph; bytes: Uint8Array; weightsDir?: string };

export async function placementCommand(
  kind: GraphKind,
  source: string,
  options: { device: Device; weights: WeightFormat },
): Promise<void> {
  const { device, weights } = options;
  console.log(
    placementTable(await placedNodes(compiledFor(kind, source, weights, device), device)),
  );
}

/** As the server or the trainer compiles it; `weights` are of a step graph over a checkpoint. */
export function compiledFor(
  kind: GraphKind,
  source: string,
  weights: WeightFormat,
  device: Device,
): Compiled {
  if (kind === 'step' && existsSync(join(source, 'config.json')))
    return servingModel(readModelFiles(source), weights, device === 'webgpu' ? 'device' : 'host');
  const graph = lowerGraph(graphOf(kind, source), device);
  return { graph, bytes: encodeGraph(graph) };
}

/** One run, of zeros: which nodes run where does not depend on values. */
export function placedNodes(
  { graph, bytes, ...files }: Compiled,
  device: Device,
): Promise<NodeRun[]> {
  return profiledNodes(async (profilePrefix) => {
    const options = { device, threads: 1, profilePrefix, ...files };
    const session = await createSession(graph, bytes, options);
    await session.run(zeroFeeds(graph));
    session.endProfiling();
    await session.release();
  });
}

/** Symbolic dimensions are 1. */
function zeroFeeds(graph: Graph): Feeds {
  const zeros = ({ name, dtype, shape }: Value): [string, Tensor] => {
    const dims = shape.map((dim) => (typeof dim === 'number' ? dim : 1));
    const size = sizeOf(dims);
    return dtype === 'int64'
      ? [name, tensor('int64', new BigInt64Array(size), dims)]
      : [name, tensor('float32', new Float32Array(size), dims)];
  };
  return Object.fromEntries(graph.inputs.map(zeros));
}

/** A line per provider: its nodes by operator, the most frequent first. Copies between memories count as nodes. */
export function placementTable(nodes: readonly NodeRun[]): string {
  const providers = [...new Set(nodes.map(({ provider }) => provider))].sort();
  return providers
    .map((name) => {
      const own = nodes.filter(({ provider }) => provider === name);
      const counts = new Map<string, number>();
      for (const { operator } of own) counts.set(operator, (counts.get(operator) ?? 0) + 1);
      const list = [...counts]
        .sort(([a, m], [b, n]) => n - m || a.localeCompare(b))
        .map(([operator, count]) => `${operator} ${count}`);
      return `${name}: ${own.length} nodes: ${list.join(', ')}`;
    })
    .join('\n');
}
