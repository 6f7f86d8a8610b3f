// A checkpoint's weights, mapped in whatever width they are stored, against the same weights inside
// the graph: equal to the bit. Quantised, they are near.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCheckpoint, readWeights } from '../../src/model/checkpoint.ts';
import { encodeServingModel } from '../../src/model/serving-graphs.ts';
import { servingModel, type WeightFormat } from '../../src/model/serving-model.ts';
import { createSession } from '../../src/onnx/session.ts';
import { naiveAnswer } from '../engine/naive-reference.ts';
import { makeRequest } from '../engine/requests.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { writeTinyCheckpoint } from '../support/tiny-model.ts';
import '../support/to-be-allclose.ts';

const request = makeRequest({
  thoughts: { kind: 'model', count: 3 },
  suffixIds: [258],
  maxTokens: 5,
});

function tinyCheckpoint(): string {
  const dir = join(temporaryDirectory(), 'tiny');
  writeTinyCheckpoint(dir, { seed: 7, method: 'coconut' });
  return dir;
}

async function mappedAnswer(dir: string, format: WeightFormat) {
  const checkpoint = readCheckpoint(dir);
  const { graph, bytes, weightsDir } = servingModel(checkpoint, format);
  const session = await createSession(graph, bytes, { threads: 1, weightsDir });
  return naiveAnswer(session, checkpoint.config, request);
}

async function copiedAnswer(dir: string) {
  const checkpoint = readCheckpoint(dir);
  const { graph, bytes } = encodeServingModel(checkpoint.config, readWeights(checkpoint));
  const session = await createSession(graph, bytes, { threads: 1 });
  return naiveAnswer(session, checkpoint.config, request);
}

/** Rewrites model.safetensors in halves, dropping the low bits of each value. */
function storeAs(dir: string, dtype: 'F16' | 'BF16'): void {
  const { weightsPath } = readCheckpoint(dir);
  const weights = readWeights(readCheckpoint(dir));
  const { tensors } = readCheckpoint(dir).header;
  const entries: Record<string, unknown> = {};
  const parts: Uint16Array[] = [];
  let end = 0;
  for (const [name, values] of weights) {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    const half = Uint16Array.from(bits, dtype === 'BF16' ? (word) => word >>> 16 : toFloat16);
    const begin = end;
    end += half.byteLength;
    entries[name] = { dtype, shape: tensors.get(name)!.shape, data_offsets: [begin, end] };
    parts.push(half);
  }
  const json = Buffer.from(JSON.stringify(entries));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(
    weightsPath,
    Buffer.concat([length, json, ...parts.map((p) => Buffer.from(p.buffer))]),
  );
}

/** float32 bits to float16 bits; what is below float16's normal numbers becomes 0. */
function toFloat16(word: number): number {
  const magnitude = word & 0x7fffffff;
  if (magnitude < 113 << 23) return 0;
  return ((word >>> 16) & 0x8000) | ((magnitude >>> 13) - (112 << 10));
}

describe('servingModel', () => {
  it('answers as with the weights inside the graph', async () => {
    const dir = tinyCheckpoint();
    expect(await mappedAnswer(dir, 'fp32')).toEqual(await copiedAnswer(dir));
  });

  it.each(['F16', 'BF16'] as const)('widens %s, at offsets of any alignment', async (dtype) => {
    const dir = tinyCheckpoint();
    storeAs(dir, dtype);
    expect(readFileSync(join(dir, 'model.safetensors')).length % 4).not.toBe(0);
    expect(await mappedAnswer(dir, 'fp32')).toEqual(await copiedAnswer(dir));
  });

  it.each([
    ['int8', 0.05],
    ['int4', 0.6],
  ] as const)('thinks nearly the same thoughts in %s', async (format, absolute) => {
    const dir = tinyCheckpoint();
    const exact = await copiedAnswer(dir);
    const first = (thoughts: number[]) => thoughts.slice(0, 16);
    const { thoughts } = await mappedAnswer(dir, format);
    expect(first(thoughts)).toBeAllclose(first(exact.thoughts), { relative: 0, absolute });
    expect(thoughts).not.toEqual(exact.thoughts);
  });

  it('keeps the weights out of the graph', () => {
    const { bytes } = servingModel(readCheckpoint(tinyCheckpoint()), 'fp32');
    expect(bytes.length).toBeLessThan(30_000);
  });
});
