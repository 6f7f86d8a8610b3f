// Blocks of GGML's formats, written by hand and as the gguf package decodes them
// (test/golden/make_gguf_goldens.py), and the layout of a partial one refused.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { blockKinds, dequantize } from '../../src/import/dequantize.ts';
import '../support/to-be-allclose.ts';

const HALF = 0x3800; // 0.5 in binary16
const view = (bytes: number[]) => new DataView(Uint8Array.from(bytes).buffer);
const low = HALF & 255;
const high = HALF >> 8;
/** Byte i holds i in its low and 15 − i in its high nibble. */
const ramp = Array.from({ length: 16 }, (_, i) => i | ((15 - i) << 4));
const up = [...Array(16).keys()];
const down = up.toReversed();

const goldens = JSON.parse(
  readFileSync(new URL('../golden/gguf-blocks.json', import.meta.url), 'utf8'),
) as { name: string; type: number; blocks: string; values: string }[];

describe('dequantize', () => {
  it('Q4_0: scale times nibble less eight', () => {
    const values = dequantize(blockKinds[2]!, view([low, high, ...ramp]), 32);
    expect([...values]).toEqual([...up, ...down].map((n) => 0.5 * (n - 8)));
  });

  it('Q4_1: scale times nibble plus least', () => {
    const values = dequantize(blockKinds[3]!, view([low, high, 0x00, 0xbc, ...ramp]), 32);
    expect([...values]).toEqual([...up, ...down].map((n) => 0.5 * n - 1));
  });

  it('Q8_0: scale times signed byte', () => {
    const bytes = Array.from({ length: 32 }, (_, i) => (i - 16) & 255);
    const values = dequantize(blockKinds[8]!, view([low, high, ...bytes]), 32);
    expect([...values]).toEqual(bytes.map((_, i) => 0.5 * (i - 16)));
  });

  it('F16, BF16 and F32 are widened', () => {
    expect([...dequantize(blockKinds[1]!, view([low, high]), 1)]).toEqual([0.5]);
    expect([...dequantize(blockKinds[30]!, view([0x80, 0xbf]), 1)]).toEqual([-1]);
    expect([...dequantize(blockKinds[0]!, view([0, 0, 0x80, 0x3f]), 1)]).toEqual([1]);
  });

  it.each(goldens)('$name as the gguf package does', ({ name, type, blocks, values }) => {
    const expected = new Float32Array(Uint8Array.from(Buffer.from(values, 'base64')).buffer);
    const kind = blockKinds[type]!;
    expect(kind.name).toBe(name);
    const decoded = dequantize(kind, view([...Buffer.from(blocks, 'base64')]), expected.length);
    // A product and a difference in float32 there, in float64 here.
    expect(decoded).toBeAllclose(expected, { relative: 1e-6, absolute: 1e-5 });
  });

  it('has a golden for every type that it decodes', () => {
    expect(goldens.map(({ type }) => type).sort()).toEqual(
      Object.keys(blockKinds).map(Number).sort(),
    );
  });

  it('names what does not fit', () => {
    expect(() => dequantize(blockKinds[3]!, view([1, 2]), 32)).toThrow(/Q4_1 .* got 2 bytes/);
    expect(() => dequantize(blockKinds[3]!, view(ramp), 31)).toThrow(/31 weights of Q4_1/);
  });
});
