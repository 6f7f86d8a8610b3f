// Weights beyond 2 and 4 GiB, where 32-bit offsets end: a tiny model behind a hole in a sparse file, which
// takes no room on the disk.
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parameterTable } from '../../src/model/parameters.ts';
import { readHeader, readTensor } from '../../src/model/safetensors.ts';
import { encodeServingModel } from '../../src/model/serving-graphs.ts';
import { servingModel } from '../../src/model/serving-model.ts';
import { createSession, type Session } from '../../src/onnx/session.ts';
import { naiveAnswer } from '../engine/naive-reference.ts';
import { makeRequest } from '../engine/requests.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyConfig, tinyWeights } from '../support/tiny-model.ts';

const config = tinyConfig('coconut');
const weights = tinyWeights(config, 7);
const rows = parameterTable(config);

/** A hole of `holeBytes`, then every tensor of the tiny model. */
function sparseFile(holeBytes: number): string {
  const path = join(temporaryDirectory(), 'model.safetensors');
  const header: Record<string, object> = {
    hole: { dtype: 'F32', shape: [holeBytes / 4], data_offsets: [0, holeBytes] },
  };
  let end = holeBytes;
  for (const { name, shape } of rows) {
    const begin = end;
    end += weights.get(name)!.byteLength;
    header[name] = { dtype: 'F32', shape, data_offsets: [begin, end] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const text = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(path, 'w');
  writeSync(file, Buffer.concat([length, text]));
  const dataStart = length.length + text.length;
  ftruncateSync(file, dataStart + end);
  let position = dataStart + holeBytes;
  for (const { name } of rows) {
    const { buffer, byteOffset, byteLength } = weights.get(name)!;
    writeSync(file, new Uint8Array(buffer, byteOffset, byteLength), 0, byteLength, position);
    position += byteLength;
  }
  closeSync(file);
  return path;
}

const answerOf = (session: Session) =>
  naiveAnswer(
    session,
    config,
    makeRequest({ thoughts: { kind: 'model', count: 2 }, suffixIds: [258], maxTokens: 8 }),
  );

describe.each([2 ** 31, 2 ** 32])('weights behind %i bytes', (holeBytes) => {
  it('are read where they lie', () => {
    const path = sparseFile(holeBytes);
    const header = readHeader(path);
    for (const { name } of rows) {
      expect(header.tensors.get(name)?.offset).toBeGreaterThan(holeBytes);
      expect(readTensor(path, header, name)).toEqual(weights.get(name));
    }
  });

  it.each(['fp32', 'int8'] as const)('are served as %s', async (format) => {
    const weightsPath = sparseFile(holeBytes);
    const model = servingModel({ config, weightsPath, header: readHeader(weightsPath) }, format);
    const { graph, bytes, weightsDir } = model;
    const session = await createSession(graph, bytes, { threads: 1, weightsDir });
    const answer = await answerOf(session);
    await session.release();
    if (format === 'fp32') {
      const inside = encodeServingModel(config, weights);
      const whole = await createSession(inside.graph, inside.bytes, { threads: 1 });
      const expected = await answerOf(whole);
      await whole.release();
      expect(answer.tokens).toEqual(expected.tokens);
    }
    expect(answer.tokens).toHaveLength(8);
    expect(answer.thoughts.every(Number.isFinite)).toBe(true);
  });
});
