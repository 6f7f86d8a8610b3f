// Thoughts that are given: what experiments feed in place of a model's own, to see whether an answer depends on them.
import { Random } from '../random.ts';

/** Zeros, its own numbers in a random order, or Gaussian noise of its length. */
export const thoughtControls = ['zero', 'shuffle', 'noise'] as const;
export type ThoughtControl = (typeof thoughtControls)[number];

/** What is fed in place of the thought. @param seed whole number from 0, decides order and noise */
export function controlled(
  hidden: Float32Array,
  control: ThoughtControl | undefined,
  seed: number,
): Float32Array {
  switch (control) {
    case undefined:
      return hidden;
    case 'zero':
      return new Float32Array(hidden.length);
    case 'shuffle':
      // Same length and same numbers, but none where the model put it.
      return new Random(seed).shuffle(hidden.slice());
    case 'noise':
      return noiseLike(hidden, new Random(seed));
  }
}

/** Thoughts that stand one after the other [count · D], apart. */
export function splitThoughts(vectors: Float32Array, count: number): Float32Array[] {
  const width = vectors.length / count;
  return Array.from({ length: count }, (_, i) => vectors.subarray(i * width, (i + 1) * width));
}

/** A direction drawn uniformly, as long as `hidden`. */
function noiseLike(hidden: Float32Array, random: Random): Float32Array {
  const noise = hidden.map(() => random.normal());
  const scale = norm(hidden) / norm(noise);
  return noise.map((value) => scale * value);
}

/** Euclidean length. */
export function norm(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}
