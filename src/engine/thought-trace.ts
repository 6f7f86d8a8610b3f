// What can be said of a continuous thought: the words that the LM head would read out of it, its
// length and direction; and what experiments put in its place.
import { Random } from '../random.ts';
import { tokenLogprobs } from './logprobs.ts';
import type { ThoughtControl, ThoughtTrace } from './messages.ts';

/**
 * @param hidden [D]
 * @param previous [D], the thought before; null for the first
 * @param logits [V], the LM head's at the thought
 * @param top how many of the likeliest ids to tell
 */
export function traceThought(
  hidden: Float32Array,
  previous: Float32Array | null,
  logits: Float32Array,
  top: number,
): ThoughtTrace {
  const words = tokenLogprobs(logits, 0, top).top.map(({ tokenId, logprob }) => ({
    tokenId,
    probability: Math.exp(logprob),
  }));
  return { words, norm: norm(hidden), cosine: previous && cosine(hidden, previous) };
}

/** 0 where one of them has no direction. */
export function cosine(a: Float32Array, b: Float32Array): number {
  const product = a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const norms = norm(a) * norm(b);
  return norms === 0 ? 0 : product / norms;
}

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

/** A direction drawn uniformly, as long as `hidden`. */
function noiseLike(hidden: Float32Array, random: Random): Float32Array {
  const noise = hidden.map(() => random.normal());
  const scale = norm(hidden) / norm(noise);
  return noise.map((value) => scale * value);
}

function norm(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}
