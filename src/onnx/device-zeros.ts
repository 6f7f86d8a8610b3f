// Device memory to start from: the runtime's Node API allocates none by itself, so a graph of one node
// computes it.
import { encodeGraph } from './encode.ts';
import { GraphBuilder } from './graph.ts';
import * as op from './ops.ts';
import { createSession, type DeviceTensor, tensor } from './session.ts';

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
