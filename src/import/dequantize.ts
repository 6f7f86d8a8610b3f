// GGML's blocks of quantised weights → float32: the kinds that GGUF files of small models come in.
// Layouts as the GGUF specification gives them; every block holds its own scale.
import { bfloat16ToNumber, float16ToNumber } from '../model/half-floats.ts';
import { q4k, q5k, q6k } from './k-quants.ts';

export type BlockKind = {
  name: string;
  /** Weights and bytes of one block. */
  weights: number;
  bytes: number;
  /** Decodes the block at byte `at` into `out` from index `to` on. */
  decode(data: DataView, at: number, out: Float32Array, to: number): void;
};

const half = (data: DataView, at: number): number => float16ToNumber(data.getUint16(at, true));

/** Low nibbles are the first sixteen weights, high ones the last. */
function nibbles(data: DataView, at: number, put: (i: number, nibble: number) => void): void {
  for (let i = 0; i < 16; i++) {
    const byte = data.getUint8(at + i);
    put(i, byte & 15);
    put(i + 16, byte >> 4);
  }
}

/** By GGML's type number. */
export const blockKinds: Readonly<Record<number, BlockKind>> = {
  0: {
    name: 'F32',
    weights: 1,
    bytes: 4,
    decode: (data, at, out, to) => {
      out[to] = data.getFloat32(at, true);
    },
  },
  1: {
    name: 'F16',
    weights: 1,
    bytes: 2,
    decode: (data, at, out, to) => {
      out[to] = half(data, at);
    },
  },
  2: {
    name: 'Q4_0',
    weights: 32,
    bytes: 18,
    decode: (data, at, out, to) => {
      const scale = half(data, at);
      nibbles(data, at + 2, (i, nibble) => {
        out[to + i] = scale * (nibble - 8);
      });
    },
  },
  3: {
    name: 'Q4_1',
    weights: 32,
    bytes: 20,
    decode: (data, at, out, to) => {
      const [scale, least] = [half(data, at), half(data, at + 2)];
      nibbles(data, at + 4, (i, nibble) => {
        out[to + i] = scale * nibble + least;
      });
    },
  },
  6: {
    name: 'Q5_0',
    weights: 32,
    bytes: 22,
    decode: (data, at, out, to) => {
      const [scale, fifthBits] = [half(data, at), data.getUint32(at + 2, true)];
      nibbles(data, at + 6, (i, nibble) => {
        out[to + i] = scale * ((nibble | (((fifthBits >>> i) & 1) << 4)) - 16);
      });
    },
  },
  8: {
    name: 'Q8_0',
    weights: 32,
    bytes: 34,
    decode: (data, at, out, to) => {
      const scale = half(data, at);
      for (let i = 0; i < 32; i++) out[to + i] = scale * data.getInt8(at + 2 + i);
    },
  },
  12: q4k,
  13: q5k,
  14: q6k,
  30: {
    name: 'BF16',
    weights: 1,
    bytes: 2,
    decode: (data, at, out, to) => {
      out[to] = bfloat16ToNumber(data.getUint16(at, true));
    },
  },
};

/** `count` weights from the start of `data`. Throws for a partial block or too few bytes. */
export function dequantize(kind: BlockKind, data: DataView, count: number): Float32Array {
  const blocks = count / kind.weights;
  if (!Number.isInteger(blocks) || data.byteLength < blocks * kind.bytes) {
    throw new Error(
      `${count} weights of ${kind.name} are blocks of ${kind.weights} in ${kind.bytes} bytes, got ${data.byteLength} bytes`,
    );
  }
  const out = new Float32Array(count);
  for (let b = 0; b < blocks; b++) kind.decode(data, b * kind.bytes, out, b * kind.weights);
  return out;
}
