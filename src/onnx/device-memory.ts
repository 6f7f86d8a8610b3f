// Device memory to start from, and its contents in JavaScript: the runtime's Node API neither allocates
// nor reads any by itself, so graphs of one node do.
import { type Adapter, usableAdapter } from './device.ts';
import { encodeGraph } from './encode.ts';
import { GraphBuilder } from './graph.ts';
import * as op from './ops.ts';
import { createSession, type DeviceTensor, type Tensor, tensor } from './session.ts';

export type DeviceMemory = {
  tensors: DeviceTensor[];
  /** Frees them, and what they were allocated by: a tensor must not outlive its session. */
  release(): Promise<void>;
};

/** `count` tensors of zeros in the memory of the WebGPU device. */
export async function deviceZeros(
  dims: readonly [number, number],
  count: number,
): Promise<DeviceMemory> {
  const g = new GraphBuilder('zeros');
  g.output('zeros', op.expand(g, g.input('zero', 'float32', [1, 1]), dims));
  const graph = g.build();
  const options = { device: 'webgpu', keep: ['zeros'], threads: 1 } as const;
  const session = await createSession(graph, encodeGraph(graph), options);
  const tensors: DeviceTensor[] = [];
  for (let i = 0; i < count; i++) {
    const zero = tensor('float32', new Float32Array(1), [1, 1]);
    const { kept } = await session.runKeeping({ zero });
    tensors.push(kept['zeros']!);
  }
  const release = () => {
    for (const zeros of tensors) zeros.dispose();
    return session.release();
  };
  return { tensors, release };
}

/** usableAdapter() in a process that has no WebGPU session yet; throws where none can be had. */
export async function openAdapter(allowed: boolean, how: string): Promise<Adapter> {
  const { release } = await deviceZeros([1, 1], 1);
  try {
    return usableAdapter(allowed, how);
  } finally {
    await release();
  }
}

/** Copies of tensors by name. */
export async function readDevice(
  tensors: ReadonlyMap<string, DeviceTensor>,
): Promise<Map<string, Tensor>> {
  const copies = new Map<string, Tensor>();
  const ranks = new Set([...tensors.values()].map(({ dims }) => dims.length));
  for (const rank of ranks) {
    const g = new GraphBuilder('read');
    g.output(
      'copy',
      g.input(
        'stored',
        'float32',
        Array.from({ length: rank }, (_, i) => `d${i}`),
      ),
    );
    const graph = g.build();
    const session = await createSession(graph, encodeGraph(graph), {
      device: 'webgpu',
      threads: 1,
    });
    for (const [name, stored] of tensors) {
      if (stored.dims.length !== rank) continue;
      copies.set(name, (await session.run({ stored }))['copy']!);
    }
    await session.release();
  }
  return copies;
}
