import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/graph.ts';
import * as op from '../../src/onnx/ops.ts';
import { type Tensor, tensor } from '../../src/onnx/session.ts';
import { CompiledGraphs } from '../../src/training/compiled-graphs.ts';

/** Adds one to `length` numbers; tells which lengths were built. */
function counting(graphs: CompiledGraphs) {
  const built: number[] = [];
  const run = async (length: number): Promise<number[]> => {
    const build = () => {
      built.push(length);
      const g = new GraphBuilder('increment');
      const x = g.input('x', 'float32', [length]);
      g.output('y', op.add(g, x, g.constant(Float32Array.of(1))));
      return g.build();
    };
    const x = tensor('float32', new Float32Array(length).fill(length), [length]);
    const { y } = await graphs.run(`${length}`, build, () => ({ x }));
    return [...((y as Tensor).data as Float32Array)];
  };
  return { built, run };
}

describe('compiled graphs', () => {
  it('lets those go that were not used for longest', async () => {
    const graphs = new CompiledGraphs({ device: 'cpu', threads: 1, keeps: () => true });
    const { built, run } = counting(graphs);
    expect(await run(1)).toEqual([2]);
    expect(await run(2)).toEqual([3, 3]);
    await run(1);
    await graphs.keepNewest(1);
    await run(1);
    expect(built).toEqual([1, 2]);
    await run(2);
    expect(built).toEqual([1, 2, 2]);
    await graphs.keepNewest(0);
  });

  it('makes room before it compiles one more', async () => {
    const options = { device: 'cpu', threads: 1, keeps: () => true, most: 2 } as const;
    const graphs = new CompiledGraphs(options);
    const { built, run } = counting(graphs);
    for (const length of [1, 2, 3, 2, 3, 1]) await run(length);
    expect(built).toEqual([1, 2, 3, 1]);
    await graphs.keepNewest(0);
  });
});
