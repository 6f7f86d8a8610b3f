// The JSON header of a safetensors file: names, dtypes, shapes and byte ranges, checked against the
// format and the file's size. Pure: bytes in, tensor entries out.
import { z } from 'zod';

/** Bytes per element of every dtype the format names. */
const elementBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

export type Dtype = keyof typeof elementBytes;

/** What can be read as float32 without loss. */
export const floatDtypes: readonly Dtype[] = ['F32', 'F16', 'BF16'];

export type TensorEntry = {
  dtype: Dtype;
  shape: number[];
  /** First byte, counted from the start of the file. */
  offset: number;
  /** Bytes. */
  length: number;
};

export type SafetensorsHeader = {
  tensors: Map<string, TensorEntry>;
  metadata: Record<string, string>;
};

export class SafetensorsError extends Error {
  override name = 'SafetensorsError';
  readonly file: string;
  readonly reason: string;
  constructor(file: string, reason: string) {
    super(`${file}: ${reason}`);
    this.file = file;
    this.reason = reason;
  }
}

/** Bytes of the header's own length, before it. */
export const lengthBytes = 8;
export const metadataKey = '__metadata__';

const size = z.int().min(0);
const entrySchema = z.strictObject({
  dtype: z.enum(Object.keys(elementBytes) as Dtype[]),
  shape: z.array(size),
  data_offsets: z.tuple([size, size]),
});
const metadataSchema = z.record(z.string(), z.string());

/** `bytes` is the header of a file of `fileBytes` bytes. Throws SafetensorsError. */
export function parseHeader(path: string, bytes: Uint8Array, fileBytes: number): SafetensorsHeader {
  const dataStart = lengthBytes + bytes.length;
  let metadata: Record<string, string> = {};
  const tensors = new Map<string, TensorEntry>();
  for (const [name, value] of Object.entries(parseObject(path, bytes))) {
    if (name === metadataKey) {
      metadata = parseEntry(path, name, metadataSchema, value);
      continue;
    }
    const { dtype, shape, data_offsets } = parseEntry(path, name, entrySchema, value);
    const [begin, end] = data_offsets;
    tensors.set(name, { dtype, shape, offset: dataStart + begin, length: end - begin });
  }
  checkLayout(path, tensors, dataStart, fileBytes);
  return { tensors, metadata };
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, dim) => count * dim, 1);
}

function parseObject(path: string, bytes: Uint8Array): object {
  let text: string;
  let json: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    json = JSON.parse(text);
  } catch (cause) {
    throw new SafetensorsError(path, `header is not JSON: ${(cause as Error).message}`);
  }
  if (typeof json !== 'object' || json === null || !text.startsWith('{')) {
    throw new SafetensorsError(path, 'header is not a JSON object');
  }
  const duplicate = duplicateKey(text);
  if (duplicate !== null) throw new SafetensorsError(path, `header names "${duplicate}" twice`);
  return json;
}

function parseEntry<T>(path: string, name: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SafetensorsError(
    path,
    `header entry "${name}": ${issue?.path.join('.')} ${issue?.message}`,
  );
}

/** JSON.parse keeps the last of two equal keys without a word. Expects valid JSON. */
function duplicateKey(json: string): string | null {
  const open: Set<string>[] = [];
  for (const [token, colon] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (colon !== undefined) {
      const key: string = JSON.parse(token.slice(0, -colon.length));
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return null;
}

/** The tensors must cover the rest of the file exactly: no hole, no overlap, nothing after them. */
function checkLayout(
  path: string,
  tensors: Map<string, TensorEntry>,
  dataStart: number,
  fileBytes: number,
): void {
  const byPosition = [...tensors].sort(
    ([, a], [, b]) => a.offset - b.offset || a.length - b.length,
  );
  let expected = dataStart;
  for (const [name, { dtype, shape, offset, length }] of byPosition) {
    const needed = elementCount(shape) * elementBytes[dtype];
    if (length !== needed) {
      const reason = `tensor "${name}": ${dtype} [${shape}] takes ${needed} bytes, its offsets span ${length}`;
      throw new SafetensorsError(path, reason);
    }
    if (offset !== expected) {
      const reason = `tensor "${name}" starts at byte ${offset}, the one before it ends at ${expected}`;
      throw new SafetensorsError(path, reason);
    }
    expected += length;
    if (expected > fileBytes) {
      const reason = `tensor "${name}" ends at byte ${expected} of a file of ${fileBytes}`;
      throw new SafetensorsError(path, reason);
    }
  }
  if (expected !== fileBytes) {
    throw new SafetensorsError(path, `${fileBytes - expected} bytes after the last tensor`);
  }
}
