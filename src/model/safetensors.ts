// Reads and writes the safetensors format: 8 bytes of header length (u64, little-endian), a JSON
// header, then the tensors' bytes without holes. Trusts nothing it reads: every range is checked
// against the file before memory is allocated for it. Knows no model.

import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { bfloat16ToNumber, float16ToNumber, numberToFloat16 } from './half-floats.ts';
import { readBytes } from './read-bytes.ts';
import {
  elementCount,
  floatDtypes,
  lengthBytes,
  metadataKey,
  parseHeader,
  SafetensorsError,
  type SafetensorsHeader,
  type TensorEntry,
} from './safetensors-header.ts';

/**
 * What a tensor is written from: `data` is row-major, as long as `shape` multiplies to. It is
 * asked for once, when its turn to be written comes, so a getter can make it then. F16 rounds it.
 */
export type FloatTensor = {
  shape: number[];
  readonly data: Float32Array;
  dtype?: 'F32' | 'F16';
};

const writtenBytes = { F32: 4, F16: 2 } as const;

/** The format's own limit. */
const maxHeaderBytes = 100_000_000;

/** Reads and checks the header alone. Throws SafetensorsError. */
export function readHeader(path: string): SafetensorsHeader {
  return withFile(path, (file) => {
    const fileBytes = fstatSync(file).size;
    const headerBytes = readHeaderLength(path, file, fileBytes);
    const bytes = new Uint8Array(headerBytes);
    readFully(path, file, bytes, lengthBytes);
    return parseHeader(path, bytes, fileBytes);
  });
}

/** The named tensor as float32, row-major. F16 and BF16 are widened; other dtypes are refused. */
export function readTensor(path: string, header: SafetensorsHeader, name: string): Float32Array {
  return withFile(path, (file) => {
    const entry = header.tensors.get(name);
    if (entry === undefined) throw new SafetensorsError(path, `no tensor "${name}"`);
    return readFloats(path, file, name, entry);
  });
}

/** Every tensor of the file as float32, in the header's order. */
export function readTensors(path: string, header: SafetensorsHeader): Map<string, Float32Array> {
  return withFile(path, (file) => {
    const tensors = new Map<string, Float32Array>();
    for (const [name, entry] of header.tensors) {
      tensors.set(name, readFloats(path, file, name, entry));
    }
    return tensors;
  });
}

/** Writes tensors in the map's order. Same map and metadata, same bytes. */
export function writeSafetensors(
  path: string,
  tensors: Map<string, FloatTensor>,
  metadata: Record<string, string>,
): void {
  const entries: Record<string, unknown> = { [metadataKey]: metadata };
  let end = 0;
  for (const [name, { shape, dtype = 'F32' }] of tensors) {
    if (name === metadataKey) throw new SafetensorsError(path, `no tensor can be named "${name}"`);
    const begin = end;
    end += elementCount(shape) * writtenBytes[dtype];
    entries[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  const json = Buffer.from(JSON.stringify(entries));
  // Readers that map the file want aligned floats; the format allows trailing spaces for that.
  const headerBytes = Math.ceil(json.length / lengthBytes) * lengthBytes;
  const header = Buffer.alloc(lengthBytes + headerBytes, ' ');
  header.writeBigUInt64LE(BigInt(headerBytes));
  header.set(json, lengthBytes);
  withFile(
    path,
    (file) => {
      writeFully(file, header);
      for (const [name, tensor] of tensors) {
        const { shape, data, dtype = 'F32' } = tensor;
        if (elementCount(shape) !== data.length) {
          const reason = `tensor "${name}" of shape [${shape}] cannot be written from ${data.length} values`;
          throw new SafetensorsError(path, reason);
        }
        const stored = dtype === 'F16' ? Uint16Array.from(data, numberToFloat16) : data;
        writeFully(file, new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
      }
    },
    'w',
  );
}

function withFile<T>(path: string, use: (file: number) => T, flags = 'r'): T {
  const file = openSync(path, flags);
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}

function readHeaderLength(path: string, file: number, fileBytes: number): number {
  if (fileBytes < lengthBytes) {
    throw new SafetensorsError(path, `${fileBytes} bytes cannot hold a header length`);
  }
  const bytes = Buffer.alloc(lengthBytes);
  readFully(path, file, bytes, 0);
  const length = bytes.readBigUInt64LE();
  const limit = Math.min(maxHeaderBytes, fileBytes - lengthBytes);
  if (length > BigInt(limit)) {
    throw new SafetensorsError(path, `header of ${length} bytes, at most ${limit} can be there`);
  }
  return Number(length);
}

function readFloats(path: string, file: number, name: string, entry: TensorEntry): Float32Array {
  const { dtype, shape, offset, length } = entry;
  const floats = new Float32Array(elementCount(shape));
  switch (dtype) {
    case 'F32':
      readFully(path, file, new Uint8Array(floats.buffer), offset);
      return floats;
    case 'F16':
    case 'BF16': {
      const halves = new Uint16Array(length / 2);
      readFully(path, file, new Uint8Array(halves.buffer), offset);
      const widen = dtype === 'F16' ? float16ToNumber : bfloat16ToNumber;
      return floats.map((_, index) => widen(halves[index] ?? 0));
    }
    default:
      throw new SafetensorsError(path, `tensor "${name}" is ${dtype}, none of ${floatDtypes}`);
  }
}

function readFully(path: string, file: number, bytes: Uint8Array, position: number): void {
  const done = readBytes(file, bytes, position);
  if (done === bytes.length) return;
  const reason = `ends at byte ${position + done}, expected ${bytes.length - done} more`;
  throw new SafetensorsError(path, reason);
}

function writeFully(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, Math.min(bytes.length - done, 2 ** 30));
  }
}
