// Log probabilities of raw logits: what the model said, before penalties, biases and temperature.
import type { TokenLogprob, TokenLogprobs } from './messages.ts';

/**
 * @param logits [V], finite
 * @param top how many of the likeliest ids to tell beside the chosen one
 */
export function tokenLogprobs(logits: Float32Array, tokenId: number, top: number): TokenLogprobs {
  const norm = logSumExp(logits);
  const logprobOf = (id: number): TokenLogprob => ({ tokenId: id, logprob: logits[id]! - norm });
  return { logprob: logits[tokenId]! - norm, top: likeliest(logits, top).map(logprobOf) };
}

/** The `count` likeliest ids, likeliest first; of equals the lower id first. */
export function likeliest(logits: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    const last = best[best.length - 1];
    if (best.length === count && (last === undefined || logits[id]! <= logits[last]!)) continue;
    let at = best.length;
    while (at > 0 && logits[id]! > logits[best[at - 1]!]!) at--;
    best.splice(at, 0, id);
    if (best.length > count) best.pop();
  }
  return best;
}

function logSumExp(logits: Float32Array): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) highest = Math.max(highest, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  return highest + Math.log(sum);
}
