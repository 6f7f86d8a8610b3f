// Quantised weights, read back by the definition of MatMulNBits.
import { describe, expect, it } from 'vitest';
import { type QuantizedSize, quantizeMatrix } from '../../src/model/quantize.ts';
import { Random } from '../../src/random.ts';

/** MatMulNBits's own reading: (stored − 2^(bits−1)) · scale, one scale per block of an output. */
function dequantize(
  { packed, scales, blocks }: ReturnType<typeof quantizeMatrix>,
  [K, N]: readonly [number, number],
  { bits, blockSize }: QuantizedSize,
): Float32Array {
  const values = new Float32Array(N * K);
  for (let n = 0; n < N; n++) {
    for (let k = 0; k < K; k++) {
      const at = n * blocks * blockSize + k; // K is padded up to whole blocks
      const byte = packed[bits === 8 ? at : at >> 1]!;
      const stored = bits === 8 ? byte : (byte >> (4 * (at % 2))) & 15;
      const scale = scales[n * blocks + Math.floor(k / blockSize)]!;
      values[n * K + k] = (stored - 2 ** (bits - 1)) * scale;
    }
  }
  return values;
}

const cases = ([4, 8] as const).flatMap((bits) =>
  [
    [64, 5],
    [144, 3], // 4.5 blocks of 32
    [16, 2], // less than one block
  ].map((size) => ({ bits, size: size as [number, number] })),
);

describe('quantizeMatrix', () => {
  it.each(cases)(
    '$bits bits, [K, N] $size: no weight moves by more than a step',
    ({ bits, size }) => {
      const [K, N] = size;
      const random = new Random(5);
      const weight = Float32Array.from({ length: K * N }, () => 2 * random.uniform() - 1);
      const options = { bits, blockSize: 32 };
      const quantized = quantizeMatrix(weight, { K, N, layout: 'out-in' }, options);
      const back = dequantize(quantized, size, options);
      weight.forEach((value, i) => {
        const n = Math.floor(i / K);
        const block = Math.floor((i % K) / 32);
        const step = Math.abs(quantized.scales[n * quantized.blocks + block]!);
        expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(step * 1.0001);
      });
      const mean = weight.reduce((sum, value, i) => sum + Math.abs(back[i]! - value), 0) / (K * N);
      expect(mean).toBeLessThan(bits === 8 ? 0.003 : 0.05);
    },
  );

  it('keeps the extreme of each block exactly, and a block of zeros', () => {
    const weight = new Float32Array(64);
    weight.set([0.5, -0.75, 0.25], 0);
    const options = { bits: 4, blockSize: 32 } as const;
    const quantized = quantizeMatrix(weight, { K: 64, N: 1, layout: 'out-in' }, options);
    const back = dequantize(quantized, [64, 1], options);
    expect(back[1]).toBe(-0.75);
    expect([...back.subarray(3)].every((value) => value === 0)).toBe(true);
  });

  it('reads both layouts as the same matrix', () => {
    const [K, N] = [40, 3];
    const random = new Random(6);
    const outIn = Float32Array.from({ length: K * N }, () => random.uniform() - 0.5);
    const inOut = Float32Array.from(
      { length: K * N },
      (_, i) => outIn[(i % N) * K + ((i / N) | 0)]!,
    );
    const options = { bits: 4, blockSize: 32 } as const;
    expect(quantizeMatrix(inOut, { K, N, layout: 'in-out' }, options)).toEqual(
      quantizeMatrix(outIn, { K, N, layout: 'out-in' }, options),
    );
  });

  it('refuses weights that are not K × N', () => {
    const call = () =>
      quantizeMatrix(
        new Float32Array(7),
        { K: 4, N: 2, layout: 'out-in' },
        { bits: 8, blockSize: 32 },
      );
    expect(call).toThrow('quantize: [4, 2] needs 8 weights, got 7');
  });
});
