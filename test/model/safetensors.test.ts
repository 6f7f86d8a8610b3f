import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readHeader,
  readTensor,
  readTensors,
  writeSafetensors,
} from '../../src/model/safetensors.ts';
import { SafetensorsError } from '../../src/model/safetensors-header.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** A file of exactly this header text and this many data bytes. */
function rawFile(header: string | object, data: Uint8Array = new Uint8Array(0)): string {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return rawBytes(Buffer.concat([length, json, data]));
}

function rawBytes(bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), 'file.safetensors');
  writeFileSync(path, bytes);
  return path;
}

const f32 = (shape: number[], begin: number, end: number) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('round trip', () => {
  it('gives back names, shapes, values and metadata', () => {
    const path = join(temporaryDirectory(), 'file.safetensors');
    const tensors = new Map([
      ['b', { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, -0, 1e-40) }],
      ['a.weight', { shape: [0, 4], data: new Float32Array(0) }],
      ['scalar "quoted"', { shape: [], data: Float32Array.of(Number.NaN) }],
    ]);
    writeSafetensors(path, tensors, { format: 'pt' });
    const header = readHeader(path);
    expect(header.metadata).toEqual({ format: 'pt' });
    expect([...header.tensors.keys()]).toEqual([...tensors.keys()]);
    const read = readTensors(path, header);
    for (const [name, { shape, data }] of tensors) {
      expect(header.tensors.get(name)?.shape).toEqual(shape);
      expect(read.get(name)).toEqual(data);
      expect(readTensor(path, header, name)).toEqual(data);
    }
  });

  it('writes only the viewed part of a larger buffer, and aligns the data to 8 bytes', () => {
    const path = join(temporaryDirectory(), 'file.safetensors');
    const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    writeSafetensors(path, new Map([['x', { shape: [2], data }]]), {});
    const header = readHeader(path);
    expect(readTensor(path, header, 'x')).toEqual(Float32Array.of(1, 2));
    expect((header.tensors.get('x')?.offset ?? 1) % 8).toBe(0);
  });

  it('writes halves where a tensor asks for them: rounded, in half the bytes', () => {
    const path = join(temporaryDirectory(), 'file.safetensors');
    const data = Float32Array.of(1, -0.1, 1e-9, 65_504);
    const tensors = new Map([
      ['half', { shape: [2, 2], data, dtype: 'F16' as const }],
      ['whole', { shape: [4], data }],
    ]);
    writeSafetensors(path, tensors, {});
    const header = readHeader(path);
    expect(header.tensors.get('half')).toMatchObject({ dtype: 'F16', shape: [2, 2], length: 8 });
    const read = readTensors(path, header);
    expect([...read.get('half')!]).toEqual([1, Math.fround(-0.0999755859375), 0, 65_504]);
    expect(read.get('whole')).toEqual(data);
  });

  it('refuses to write a shape that does not fit its data', () => {
    const path = join(temporaryDirectory(), 'file.safetensors');
    const tensors = new Map([['x', { shape: [2, 2], data: new Float32Array(3) }]]);
    expect(() => writeSafetensors(path, tensors, {})).toThrow(/"x" of shape \[2,2\].* 3 values/);
  });
});

describe('dtypes', () => {
  it('widens F16 and BF16', () => {
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x8000);
    const brains = Uint16Array.of(0x3f80, 0xc000, 0x7f80);
    const header = {
      half: { dtype: 'F16', shape: [6], data_offsets: [0, 12] },
      brain: { dtype: 'BF16', shape: [3], data_offsets: [12, 18] },
    };
    const data = Buffer.concat([Buffer.from(halves.buffer), Buffer.from(brains.buffer)]);
    const path = rawFile(header, data);
    const read = readTensors(path, readHeader(path));
    expect([...(read.get('half') ?? [])]).toEqual([1, -2, 65504, 2 ** -24, Infinity, -0]);
    expect([...(read.get('brain') ?? [])]).toEqual([1, -2, Infinity]);
  });

  it('lists other dtypes but does not read them as floats', () => {
    const path = rawFile(
      { ids: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } },
      new Uint8Array(8),
    );
    const header = readHeader(path);
    expect(() => readTensor(path, header, 'ids')).toThrow(/"ids" is I64/);
    expect(() => readTensor(path, header, 'other')).toThrow(/no tensor "other"/);
  });
});

describe('a bad header is refused, naming file and numbers', () => {
  const eight = new Uint8Array(8);
  const entry = JSON.stringify(f32([2], 0, 8));
  const cases: [string, string | object, Uint8Array, RegExp][] = [
    ['not JSON', '{"a":', eight, /header is not JSON/],
    ['no object', '[]', eight, /not a JSON object/],
    ['leading space', ' {}', eight, /not a JSON object/],
    ['unknown dtype', { x: { ...f32([2], 0, 8), dtype: 'F31' } }, eight, /"x": dtype/],
    ['negative dimension', { x: f32([-2], 0, 8) }, eight, /"x": shape/],
    ['unknown field', { x: { ...f32([2], 0, 8), strides: [1] } }, eight, /"x".*strides/],
    ['metadata not text', { __metadata__: { a: 1 } }, new Uint8Array(0), /"__metadata__": a/],
    ['length against shape', { x: f32([3], 0, 8) }, eight, /F32 \[3\] takes 12 bytes.* 8$/],
    ['reversed offsets', { x: f32([2], 8, 0) }, eight, /takes 8 bytes.* -8$/],
    ['past the end', { x: f32([4], 0, 16) }, eight, /ends at byte \d+ of a file of \d+/],
    ['hole', { x: f32([1], 4, 8) }, eight, /"x" starts at byte \d+, the one before it ends at/],
    ['overlap', { x: f32([2], 0, 8), y: f32([1], 4, 8) }, eight, /"y" starts at byte/],
    ['trailing bytes', { x: f32([1], 0, 4) }, eight, /4 bytes after the last tensor/],
    ['duplicate tensor', `{"x":${entry},"\\u0078":${entry}}`, eight, /"x" twice/],
    ['duplicate field', `{"x":${entry.replace('{', '{"dtype":"F32",')}}`, eight, /"dtype" twice/],
    ['dimensions beyond all numbers', { x: f32(Array(30).fill(2 ** 50), 0, 8) }, eight, /takes/],
  ];
  it.each(cases)('%s', (_, header, data, message) => {
    const path = rawFile(header, data);
    expect(() => readHeader(path)).toThrow(SafetensorsError);
    expect(() => readHeader(path)).toThrow(message);
    expect(() => readHeader(path)).toThrow(path);
  });

  it('header length beyond the file or the format limit', () => {
    const bytes = Buffer.alloc(16);
    bytes.writeBigUInt64LE(2n ** 63n);
    expect(() => readHeader(rawBytes(bytes))).toThrow(
      /header of 9223372036854775808 bytes, at most 8/,
    );
    expect(() => readHeader(rawBytes(bytes.subarray(0, 7)))).toThrow(/7 bytes cannot hold/);
  });

  it('every truncation of a valid file', () => {
    const dir = temporaryDirectory();
    const path = join(dir, 'whole.safetensors');
    writeSafetensors(path, new Map([['x', { shape: [3], data: new Float32Array(3) }]]), {});
    const whole = readFileSync(path);
    const cut = join(dir, 'cut.safetensors');
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(cut, whole.subarray(0, length));
      expect(() => readHeader(cut), `${length} bytes`).toThrow(SafetensorsError);
    }
  });

  it('any bytes at all give a header or a SafetensorsError', () => {
    const path = join(temporaryDirectory(), 'noise.safetensors');
    fc.assert(
      fc.property(fc.json(), fc.uint8Array({ maxLength: 16 }), (json, data) => {
        const length = Buffer.alloc(8);
        length.writeBigUInt64LE(BigInt(Buffer.byteLength(json)));
        writeFileSync(path, Buffer.concat([length, Buffer.from(json), data]));
        try {
          readHeader(path);
        } catch (error) {
          expect(error).toBeInstanceOf(SafetensorsError);
        }
      }),
      { numRuns: 200 },
    );
  });
});
