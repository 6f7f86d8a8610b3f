// GGUF files as written are what @huggingface/gguf reads, and half floats round as IEEE 754 says.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gguf } from '@huggingface/gguf';
import { describe, expect, it } from 'vitest';
import { numberToFloat16, writeGguf } from '../../bench/gguf-writer.ts';
import { blockKinds, dequantize } from '../../src/import/dequantize.ts';
import { float16ToNumber } from '../../src/model/half-floats.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const ramp = Float32Array.from({ length: 64 }, (_, i) => (i - 20) / 8);

async function written() {
  const path = join(temporaryDirectory(), 'model.gguf');
  const tensor = { shape: [2, 32], data: ramp };
  writeGguf(
    path,
    {
      'general.architecture': { type: 'string', value: 'llama' },
      'llama.block_count': { type: 'uint32', value: 7 },
      'llama.epsilon': { type: 'float32', value: 0.5 },
      'a.flag': { type: 'bool', value: true },
      'a.list': { type: 'int32[]', value: [3, 1] },
      'a.words': { type: 'string[]', value: ['é', ''] },
    },
    [
      { name: 'odd', type: 'F32', shape: [3], data: Float32Array.of(1, 2, 3) },
      { name: 'half', type: 'F16', ...tensor },
      { name: 'eight', type: 'Q8_0', ...tensor },
    ],
  );
  return { path, parsed: await gguf(path, { allowLocalFile: true }) };
}

describe('writeGguf', () => {
  it('keeps metadata of every type', async () => {
    const { parsed } = await written();
    expect(parsed.metadata).toMatchObject({
      version: 3,
      'general.architecture': 'llama',
      'llama.block_count': 7,
      'llama.epsilon': 0.5,
      'a.flag': true,
      'a.list': [3, 1],
      'a.words': ['é', ''],
    });
  });

  it('puts tensors where the header says, in reversed shape', async () => {
    const { path, parsed } = await written();
    const file = readFileSync(path);
    const read = (name: string) => {
      const info = parsed.tensorInfos.find((tensor) => tensor.name === name)!;
      const kind = blockKinds[info.dtype]!;
      const count = info.shape.reduce((product, dim) => product * Number(dim), 1);
      const start = Number(parsed.tensorDataOffset + info.offset);
      const bytes = (count / kind.weights) * kind.bytes;
      const view = new DataView(file.buffer, file.byteOffset + start, bytes);
      return { shape: info.shape.map(Number), values: dequantize(kind, view, count) };
    };
    expect(read('odd')).toEqual({ shape: [3], values: Float32Array.of(1, 2, 3) });
    expect(read('half')).toEqual({ shape: [32, 2], values: ramp });
    const scale = 43 / 8 / 127;
    for (const [i, value] of read('eight').values.entries()) {
      // Half a step, and what a float16 scale is off by.
      expect(Math.abs(value - ramp[i]!)).toBeLessThanOrEqual(scale / 2 + 127 * scale * 2 ** -11);
    }
  });

  it('refuses values that do not fill the shape, and rows that are no blocks', () => {
    const tensor = { name: 'x', data: new Float32Array(48) };
    const write = (shape: number[], type: 'F32' | 'Q8_0') =>
      writeGguf('/dev/null', {}, [{ ...tensor, shape, type }]);
    expect(() => write([2, 25], 'F32')).toThrow('tensor "x" is [2,25], got 48 values');
    expect(() => write([2, 24], 'Q8_0')).toThrow('tensor "x": rows of 24 are no blocks of 32');
  });
});

describe('numberToFloat16', () => {
  it('takes every finite half to itself', () => {
    for (let bits = 0; bits < 0x1_0000; bits++) {
      if ((bits & 0x7c00) === 0x7c00) continue;
      const back = numberToFloat16(float16ToNumber(bits));
      if (back !== bits && bits !== 0x8000) expect([bits, back]).toEqual([bits, bits]);
    }
  });

  it('rounds ties to even and overflows to infinity', () => {
    expect(numberToFloat16(1 + 2 ** -11)).toBe(0x3c00);
    expect(numberToFloat16(1 + 3 * 2 ** -11)).toBe(0x3c02);
    expect(numberToFloat16(2 - 2 ** -12)).toBe(0x4000);
    expect(numberToFloat16(2 ** -24 / 2)).toBe(0);
    expect(numberToFloat16(65_519)).toBe(0x7bff);
    expect(numberToFloat16(-65_520)).toBe(0xfc00);
  });
});
