// The gradient of an adapter over a frozen base, against the full gradient at the merged weights and the chain rule.
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Adapted, adapterTable, mergedWeights } from '../../src/model/adapter.ts';
import { readModelFiles } from '../../src/model/checkpoint.ts';
import { type ParameterRow, parameterTable } from '../../src/model/parameters.ts';
import { encodeGraph } from '../../src/onnx/encode.ts';
import type { Graph } from '../../src/onnx/graph.ts';
import { createSession, type Tensor, tensor } from '../../src/onnx/session.ts';
import { collate } from '../../src/training/collate.ts';
import { gradientGraph } from '../../src/training/training-graph.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyAdapted, tinyAdapterWeights, writeTinyBase } from '../support/tiny-adapter.ts';
import { tinyWeights } from '../support/tiny-model.ts';
import '../support/to-be-allclose.ts';

const { shape, feeds } = collate(
  [[5, 7, 11], [13]].map((contextIds) => ({
    contextIds,
    examples: [3, 2].map((length) => ({
      questionIds: [...contextIds.map((id) => id + length), 257],
      written: 0,
      thoughts: 2,
      tailIds: [258, 40 + length, 50, 256],
      unlabelled: 1,
    })),
  })),
  { context: 2, question: 2, tail: 2 },
);

/** Sums in another order: of a small element what is lost is of the largest one's size. */
const near = (expected: ArrayLike<number>) => ({
  relative: 1e-3,
  absolute: 1e-4 * Math.max(...Array.from(expected, Math.abs)),
});

type Numbers = Pick<ReadonlyMap<string, Float32Array>, 'get'>;

async function run(graph: Graph, table: readonly ParameterRow[], of: Numbers, weightsDir?: string) {
  const session = await createSession(graph, encodeGraph(graph), {
    threads: 1,
    ...(weightsDir && { weightsDir }),
  });
  const parameters = table.map(({ name, shape }) => [
    name,
    tensor('float32', of.get(name)!, shape),
  ]);
  const outputs = await session.run({ ...Object.fromEntries(parameters), ...feeds });
  await session.release();
  return outputs;
}

const values = (outputs: Record<string, Tensor>, name: string): Float32Array =>
  outputs[`grad/${name}`]!.data as Float32Array;

/** [rows, columns] · [columns, width], each number read by its row and column. */
function product(
  [rows, columns, width]: [number, number, number],
  left: (row: number, column: number) => number,
  right: (row: number, column: number) => number,
): number[] {
  return Array.from({ length: rows * width }, (_, at) => {
    const [row, column] = [Math.floor(at / width), at % width];
    let sum = 0;
    for (let k = 0; k < columns; k++) sum += left(row, k) * right(k, column);
    return sum;
  });
}

/** dA = s·Bᵀ·dW and dB = s·dW·Aᵀ, where W is [out, in]. */
function ofPair(
  { config, lowRank: { rank, alpha } }: Adapted,
  { shape: [rows, columns] }: ParameterRow,
  gradient: Float32Array,
  a: Float32Array,
  b: Float32Array,
) {
  const isStoredByInput = config.model_type === 'gpt2';
  const [to, from] = isStoredByInput ? [columns!, rows!] : [rows!, columns!];
  const scale = alpha / rank;
  const dW = (o: number, i: number) =>
    scale * gradient[isStoredByInput ? i * to + o : o * from + i]!;
  return {
    a: product([rank, to, from], (r, o) => b[o * rank + r]!, dW),
    b: product([to, from, rank], dW, (i, r) => a[r * from + i]!),
  };
}

describe.each(Object.entries(tinyAdapted))('%s', (_, adapted) => {
  it('follows from the full gradient', async () => {
    const { config, base, lowRank } = adapted;
    const dir = join(temporaryDirectory(), 'base');
    writeTinyBase(dir, adapted);
    const files = readModelFiles(dir);
    const [trainedRows, rows] = [adapterTable(adapted), parameterTable(config)];
    const trained = tinyAdapterWeights(adapted);
    const thin = await run(
      gradientGraph(config, shape, { lowRank, files }),
      trainedRows,
      trained,
      dirname(files.weightsPath),
    );
    const merged = mergedWeights(adapted, tinyWeights(base, 1), trained);
    const full = await run(gradientGraph(config, shape), rows, merged);

    expect(thin['loss']!.data[0]).toBeCloseTo(Number(full['loss']!.data[0]), 4);
    const names = Object.keys(thin).filter((name) => name.startsWith('grad/'));
    expect(names).toEqual(trainedRows.map(({ name }) => `grad/${name}`));
    for (const row of rows) {
      const stem = row.name.replace(/\.weight$/, '');
      const gradient = values(full, row.name);
      if (row.kind === 'matrix') {
        const [a, b] = [`${stem}.lora_A.weight`, `${stem}.lora_B.weight`];
        const expected = ofPair(adapted, row, gradient, trained.get(a)!, trained.get(b)!);
        expect(values(thin, a), a).toBeAllclose(expected.a, near(expected.a));
        expect(values(thin, b), b).toBeAllclose(expected.b, near(expected.b));
      }
      const added = `${stem}.token_adapter.trainable_tokens_delta`;
      if (!trained.has(added)) continue;
      const lower = gradient.subarray(-trained.get(added)!.length);
      expect(Math.max(...lower.map(Math.abs)), added).toBeGreaterThan(0);
      expect(values(thin, added), added).toBeAllclose(lower, near(lower));
    }
  });
});
