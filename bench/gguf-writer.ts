// Writes GGUF files (llama.cpp's format, version 3): typed metadata, then tensors as F32, F16 or Q8_0.
// Knows no model; bench/checkpoint-gguf.ts writes a whole checkpoint with
//   writeCheckpointGguf(path, checkpointDir, 'F32' | 'F16' | 'Q8_0').
import { closeSync, openSync, writeSync } from 'node:fs';

/** The value types that model files use, by what GGUF calls them. */
export type GgufValue =
  | { type: 'uint32' | 'float32'; value: number }
  | { type: 'bool'; value: boolean }
  | { type: 'string'; value: string }
  | { type: 'int32[]'; value: number[] }
  | { type: 'string[]'; value: string[] };

export type GgufTensorType = 'F32' | 'F16' | 'Q8_0';

export type GgufTensor = {
  name: string;
  /** Row-major, slowest axis first, as in safetensors; GGUF's own order is the reverse. */
  shape: number[];
  type: GgufTensorType;
  data: Float32Array;
};

const alignment = 32;
const valueTypes = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;

type Encoding = {
  id: number;
  bytesOf: (count: number) => number;
  encode: (data: Float32Array) => Uint8Array;
};

const encodings: Record<GgufTensorType, Encoding> = {
  F32: {
    id: 0,
    bytesOf: (count) => 4 * count,
    encode: (data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  },
  F16: {
    id: 1,
    bytesOf: (count) => 2 * count,
    encode: (data) => new Uint8Array(Uint16Array.from(data, numberToFloat16).buffer),
  },
  Q8_0: { id: 8, bytesOf: (count) => (count / 32) * 34, encode: quantize8 },
};

/** Throws where a row does not divide into Q8_0's blocks of 32, or the values do not fill the shape. */
export function writeGguf(
  path: string,
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): void {
  for (const tensor of tensors) check(tensor);
  const file = openSync(path, 'w');
  try {
    write(file, padded(header(metadata, tensors)));
    for (const { type, data } of tensors) write(file, padded(encodings[type].encode(data)));
  } finally {
    closeSync(file);
  }
}

function check({ name, shape, type, data }: GgufTensor): void {
  const size = shape.reduce((product, dim) => product * dim, 1);
  if (size !== data.length) {
    throw new Error(`tensor "${name}" is [${shape}], got ${data.length} values`);
  }
  if (type === 'Q8_0' && shape.at(-1)! % 32 !== 0) {
    throw new Error(`tensor "${name}": rows of ${shape.at(-1)} are no blocks of 32`);
  }
}

function header(
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Uint8Array {
  const entries = Object.entries(metadata);
  const parts = [Buffer.from('GGUF'), uint32(3), uint64(tensors.length), uint64(entries.length)];
  for (const [key, value] of entries) parts.push(string(key), ...typedValue(value));
  let offset = 0;
  for (const { name, shape, type, data } of tensors) {
    const { id, bytesOf } = encodings[type];
    const axes = shape.toReversed().map(uint64);
    parts.push(string(name), uint32(shape.length), ...axes, uint32(id), uint64(offset));
    offset += Math.ceil(bytesOf(data.length) / alignment) * alignment;
  }
  return Buffer.concat(parts);
}

function typedValue(given: GgufValue): Buffer[] {
  const type = (name: keyof typeof valueTypes) => uint32(valueTypes[name]);
  const array = (of: keyof typeof valueTypes, items: Buffer[]) => [
    type('array'),
    type(of),
    uint64(items.length),
    ...items,
  ];
  switch (given.type) {
    case 'uint32':
      return [type('uint32'), uint32(given.value)];
    case 'float32':
      return [type('float32'), Buffer.from(Float32Array.of(given.value).buffer)];
    case 'bool':
      return [type('bool'), Buffer.from([given.value ? 1 : 0])];
    case 'string':
      return [type('string'), string(given.value)];
    case 'int32[]':
      return array('int32', given.value.map(uint32));
    case 'string[]':
      return array('string', given.value.map(string));
  }
}

function uint32(value: number): Buffer {
  return Buffer.from(Uint32Array.of(value).buffer);
}

function uint64(value: number): Buffer {
  return Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function padded(bytes: Uint8Array): Uint8Array {
  const rest = bytes.length % alignment;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(alignment - rest)]);
}

function write(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

/** A float16 scale and 32 signed bytes for each 32 weights; the largest weight becomes ±127. */
function quantize8(data: Float32Array): Uint8Array {
  const blocks = data.length / 32;
  const bytes = new DataView(new ArrayBuffer(blocks * 34));
  for (let block = 0; block < blocks; block++) {
    const weights = data.subarray(32 * block, 32 * block + 32);
    const scale = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0) / 127;
    bytes.setUint16(34 * block, numberToFloat16(scale), true);
    for (const [i, weight] of weights.entries()) {
      bytes.setInt8(34 * block + 2 + i, scale === 0 ? 0 : Math.round(weight / scale));
    }
  }
  return new Uint8Array(bytes.buffer);
}

const word = new DataView(new ArrayBuffer(4));

/** To the nearest IEEE 754 binary16, ties to even; what is too large becomes infinite. */
export function numberToFloat16(value: number): number {
  word.setFloat32(0, value);
  const sign = (word.getUint32(0) >>> 16) & 0x8000;
  const size = Math.abs(value);
  if (Number.isNaN(size)) return sign | 0x7e00;
  if (size >= 65_520) return sign | 0x7c00;
  const exponent = size < 2 ** -14 ? -14 : Math.floor(Math.log2(size));
  // Units of the last place: up to 2047 of them, or 2048, which carries into the exponent by itself.
  const units = roundToEven(size / 2 ** (exponent - 10));
  return sign | (size < 2 ** -14 ? units : ((exponent + 14) << 10) + units);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
