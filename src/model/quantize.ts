// Weight-only quantisation in the layout of ONNX Runtime's MatMulNBits: blocks along K, one scale
// each, no zero points. Pure: floats in, bytes and scales out.

export type QuantizedMatrix = {
  /** [N, blocks, blockSize · bits / 8]; of two 4-bit weights in a byte the first is the low half. */
  packed: Uint8Array;
  /** [N · blocks] */
  scales: Float32Array;
  /** Per output: ⌈K / blockSize⌉; the last one is filled up with zeros. */
  blocks: number;
};

export type QuantizedSize = { bits: 4 | 8; blockSize: number };

/** A weight that takes K values to N: 'in-out' is stored [K, N], 'out-in' [N, K]. */
export type MatrixSize = { K: number; N: number; layout: 'in-out' | 'out-in' };

/**
 * weight ≈ (stored − 2^(bits−1)) · scale. The scale takes the block's extreme value, with its sign, to
 * the lowest step: two's complement has one step more below zero than above.
 */
export function quantizeMatrix(
  weight: Float32Array,
  { K, N, layout }: MatrixSize,
  { bits, blockSize }: QuantizedSize,
): QuantizedMatrix {
  if (weight.length !== K * N) {
    throw new Error(`quantize: [${K}, ${N}] needs ${K * N} weights, got ${weight.length}`);
  }
  const blocks = Math.ceil(K / blockSize);
  const blockBytes = (blockSize * bits) / 8;
  const packed = new Uint8Array(N * blocks * blockBytes);
  const scales = new Float32Array(N * blocks);
  const [kStride, nStride] = layout === 'in-out' ? [N, 1] : [1, K];
  const steps = new Uint8Array(blockSize);
  // Blocks outside, outputs inside: neighbouring weights of an 'in-out' matrix are read together.
  for (let block = 0; block < blocks; block++) {
    const count = Math.min(blockSize, K - block * blockSize);
    for (let n = 0; n < N; n++) {
      const first = block * blockSize * kStride + n * nStride;
      scales[n * blocks + block] = quantizeBlock(weight, first, kStride, count, bits, steps);
      pack(steps, bits, packed, (n * blocks + block) * blockBytes);
    }
  }
  return { packed, scales, blocks };
}

/** Fills `steps` (what lies beyond `count` stands for zero) and returns the block's scale. */
function quantizeBlock(
  weight: Float32Array,
  first: number,
  stride: number,
  count: number,
  bits: 4 | 8,
  steps: Uint8Array,
): number {
  const zero = 1 << (bits - 1);
  let extreme = 0;
  for (let i = 0, at = first; i < count; i++, at += stride) {
    const value = weight[at]!;
    if (Math.abs(value) > Math.abs(extreme)) extreme = value;
  }
  const scale = extreme / -zero;
  const inverse = scale === 0 ? 0 : 1 / scale;
  steps.fill(zero);
  for (let i = 0, at = first; i < count; i++, at += stride) {
    // The sum is not negative, so that truncation rounds down: half a step more rounds to nearest.
    steps[i] = Math.min(2 * zero - 1, (weight[at]! * inverse + zero + 0.5) | 0);
  }
  return scale;
}

function pack(steps: Uint8Array, bits: 4 | 8, packed: Uint8Array, at: number): void {
  if (bits === 8) {
    packed.set(steps, at);
    return;
  }
  for (let i = 0; i < steps.length; i += 2) packed[at + i / 2] = steps[i]! | (steps[i + 1]! << 4);
}
