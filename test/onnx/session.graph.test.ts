import { describe, expect, it } from 'vitest';
import { deviceZeros } from '../../src/onnx/device-memory.ts';
import { encodeGraph } from '../../src/onnx/encode.ts';
import { GraphBuilder } from '../../src/onnx/graph.ts';
import * as op from '../../src/onnx/ops.ts';
import { createSession, type DeviceTensor, tensor } from '../../src/onnx/session.ts';
import { whyNoGpu } from '../support/gpu.ts';

const noGpu = await whyNoGpu();
const floats = (...values: number[]) => Float32Array.from(values);

/** Rows into a table [P, 2], and the sums of what the table's rows were before. */
function scatterGraph() {
  const g = new GraphBuilder('scatter');
  const table = g.input('table', 'float32', ['P', 2]);
  const rows = g.input('rows', 'int64', ['M', 1]);
  const updates = g.input('updates', 'float32', ['M', 2]);
  g.output('next', op.scatterRows(g, table, rows, updates));
  g.output('sums', op.reduceSum(g, table, [1], 0));
  return g.build();
}

const feedsFor = (row: number, ...update: number[]) => ({
  rows: tensor('int64', BigInt64Array.of(BigInt(row)), [1, 1]),
  updates: tensor('float32', floats(...update), [1, 2]),
});

describe('on the CPU', () => {
  const graph = scatterGraph();

  it('rows replace those of the table', async () => {
    const session = await createSession(graph, encodeGraph(graph), { threads: 1 });
    const table = tensor('float32', floats(1, 2, 3, 4, 5, 6), [3, 2]);
    const { next, sums } = await session.run({ table, ...feedsFor(1, 8, 9) });
    expect([...(next?.data ?? [])]).toEqual([1, 2, 8, 9, 5, 6]);
    expect([...(sums?.data ?? [])]).toEqual([3, 7, 11]);
    await session.release();
  });

  it('what is fed is checked by name, dtype and shape', async () => {
    const session = await createSession(graph, encodeGraph(graph), { threads: 1 });
    const table = tensor('float32', floats(1, 2, 3), [1, 3]);
    await expect(session.run(feedsFor(0, 1, 2))).rejects.toThrow('input "table" is missing');
    await expect(session.run({ table, ...feedsFor(0, 1, 2) })).rejects.toThrow(
      'graph scatter: input "table" is float32[P,2], got float32[1,3]',
    );
    await session.release();
  });
});

describe('a device that is not there', () => {
  it('is named, with what it takes', async () => {
    const graph = scatterGraph();
    const named = 'device cuda: no CUDA provider: libonnxruntime_providers_shared.so';
    const creating = createSession(graph, encodeGraph(graph), { threads: 1, device: 'cuda' });
    const outcome = creating.then(
      (session) => session.release(),
      (error: Error) => error.message,
    );
    // Where the CUDA libraries are installed there is nothing to complain about.
    expect((await outcome) ?? named).toContain(named);
  });
});

describe.skipIf(noGpu)('on WebGPU', { timeout: 300_000 }, () => {
  it('a table is written where it is, and read by other sessions', async () => {
    const graph = scatterGraph();
    const options = { threads: 1, device: 'webgpu' } as const;
    const session = await createSession(graph, encodeGraph(graph), options);
    const other = await createSession(graph, encodeGraph(graph), options);
    const memory = await deviceZeros([4, 2], 1);
    const table = memory.tensors[0] as DeviceTensor;
    for (const row of [0, 2]) {
      const feeds = { table, ...feedsFor(row, row + 1, 10) };
      const outputs = await session.runInPlace(feeds, { next: table });
      expect(Object.keys(outputs)).toEqual(['sums']);
    }
    const { sums, next } = await other.run({ table, ...feedsFor(3, 5, 5) });
    expect([...(sums?.data ?? [])]).toEqual([11, 0, 13, 0]);
    expect([...(next?.data ?? [])]).toEqual([1, 10, 0, 0, 3, 10, 5, 5]);
    // The host's copy was a copy: the table is as it was.
    const again = await other.run({ table, ...feedsFor(3, 5, 5) });
    expect([...(again['sums']?.data ?? [])]).toEqual([11, 0, 13, 0]);
    await memory.release();
    await session.release();
    await other.release();
  });
});
