// How many shapes of batch a run may have compiled: each is a graph of its own, and what one costs depends on the device.
import type { Device } from '../onnx/device.ts';
import type { Buckets } from './collate.ts';

export type ShapePlan = {
  /** Lengths of rows that share a context, and of rows that carry their whole text. What varies most is rounded most. */
  shared: Buckets;
  wholeRow: Buckets;
  /** Compiled gradients kept at a time. */
  kept: number;
};

/** A larger model's graph takes seconds to compile and gigabytes of a GPU. */
const LARGE = 1e7;

/** As fine as a short text is short: one of 10 tokens in a graph of 16 would cost half as much again. */
const quarters = { quartersUpTo: 16 };

const anyDevice: ShapePlan = {
  shared: { context: 32, question: 2, tail: 8 },
  wholeRow: { context: 1, question: quarters, tail: quarters },
  kept: 24,
};

const shared: Buckets = { context: 128, question: 8, tail: 32 };
const doubledFrom = (least: number): Buckets => ({
  context: 1,
  question: { doubledFrom: least },
  tail: { doubledFrom: least },
});

/**
 * On CUDA a step takes as long as its launches, padded or not, and each graph has an arena, which holds what its largest
 * run took for as long as it lives: few graphs.
 */
export function shapePlan(device: Device, parameters: number): ShapePlan {
  if (device !== 'cuda') return anyDevice;
  return parameters < LARGE
    ? { shared, wholeRow: doubledFrom(16), kept: 6 }
    : { shared, wholeRow: doubledFrom(128), kept: 2 };
}
