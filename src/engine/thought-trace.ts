// What can be said of a continuous thought: the words that the LM head would read out of it, its
// length and direction.
import { norm } from '../model/thought-control.ts';
import { tokenLogprobs } from './logprobs.ts';
import type { ThoughtTrace } from './messages.ts';

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
