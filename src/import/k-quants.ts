// GGML's k-quants: blocks of 256 weights whose own scales are quantised too. The layouts are packed
// bits; each decoder walks them in the order of the weights.
import { float16ToNumber } from '../model/half-floats.ts';
import type { BlockKind } from './dequantize.ts';

const half = (data: DataView, at: number): number => float16ToNumber(data.getUint16(at, true));

/** Q4_K and Q5_K: 6 bits of scale and of least value for each of 8 runs of 32, in 12 bytes. */
function scalesAndLeasts(data: DataView, at: number): [scale: number, least: number][] {
  const byte = (i: number): number => data.getUint8(at + i);
  return Array.from({ length: 8 }, (_, run) => {
    if (run < 4) return [byte(run) & 63, byte(run + 4) & 63];
    // The upper runs' two high bits are kept above the lower runs' six.
    const shared = byte(run + 4);
    return [(shared & 15) | ((byte(run - 4) >> 6) << 4), (shared >> 4) | ((byte(run) >> 6) << 4)];
  });
}

/**
 * Blocks of 8 runs of 32 weights: the units of scale and least value, their runs', the fifth bits if any, and 128 bytes
 * of nibbles. `fifthBits`: where a block's bits above the nibbles begin, a byte for each place of a run; null: none.
 */
const runs = (name: string, bytes: number, fifthBits: number | null): BlockKind => ({
  name,
  weights: 256,
  bytes,
  decode: (data, at, out, to) => {
    const [scaleUnit, leastUnit] = [half(data, at), half(data, at + 2)];
    for (const [run, [scale, least]] of scalesAndLeasts(data, at + 4).entries()) {
      const nibbles = at + bytes - 128 + 32 * (run >> 1);
      for (let i = 0; i < 32; i++) {
        const packed = data.getUint8(nibbles + i);
        const nibble = run % 2 === 0 ? packed & 15 : packed >> 4;
        const fifth = fifthBits === null ? 0 : (data.getUint8(at + fifthBits + i) >> run) & 1;
        out[to + 32 * run + i] = scaleUnit * scale * (nibble | (fifth << 4)) - leastUnit * least;
      }
    }
  },
});

export const q4k = runs('Q4_K', 144, null);
export const q5k = runs('Q5_K', 176, 16);

/** 128 bytes of low nibbles, 64 of bit pairs above them, 16 signed scales, and the unit of the scales. */
export const q6k: BlockKind = {
  name: 'Q6_K',
  weights: 256,
  bytes: 210,
  decode: (data, at, out, to) => {
    const unit = half(data, at + 208);
    for (let i = 0; i < 256; i++) {
      const [side, quarter, place] = [i >> 7, (i >> 5) & 3, i & 31];
      const packed = data.getUint8(at + 64 * side + 32 * (quarter % 2) + place);
      const nibble = quarter < 2 ? packed & 15 : packed >> 4;
      const pair = (data.getUint8(at + 128 + 32 * side + place) >> (2 * quarter)) & 3;
      const scale = data.getInt8(at + 192 + (i >> 4));
      out[to + i] = unit * scale * ((nibble | (pair << 4)) - 32);
    }
  },
};
