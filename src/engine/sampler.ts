// Logits to one token id: greedy, or drawn at a temperature from the top-p nucleus.
import type { Random } from '../random.ts';
import type { SamplingParams } from './messages.ts';

/**
 * @param logits [V]; not changed
 * @param random drawn from exactly once per call unless temperature is 0
 * @returns the most likely id (the lowest of equals) at temperature 0, else an id drawn from the
 *   smallest set of likeliest ids whose probabilities reach topP (Holtzman et al. 2020, arXiv 1904.09751)
 * Throws when a logit is not finite.
 */
export function sampleToken(
  logits: Float32Array,
  { temperature, topP }: SamplingParams,
  random: Random,
): number {
  const likeliest = argmax(logits);
  if (temperature === 0) return likeliest;
  const probabilities = softmax(logits, logits[likeliest]!, temperature);
  const target = random.uniform();
  if (topP >= 1) return walk(probabilities, probabilities.keys(), target);
  const nucleus = nucleusOf(probabilities, topP);
  const mass = nucleus.reduce((sum, id) => sum + probabilities[id]!, 0);
  return walk(probabilities, nucleus, target * mass);
}

function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    if (!Number.isFinite(logit)) {
      throw new Error(`the logit of token ${id} of ${logits.length} is ${logit}`);
    }
    if (logit > logits[best]!) best = id;
  }
  return best;
}

function softmax(logits: Float32Array, highest: number, temperature: number): Float64Array {
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Ids by falling probability (equals: lower id first) until their sum reaches topP; never empty. */
function nucleusOf(probabilities: Float64Array, topP: number): number[] {
  // All ids below this bound sum to at most 1 - topP, so none is needed: few are left to sort.
  const bound = (1 - topP) / probabilities.length;
  const candidates: number[] = [];
  for (let id = 0; id < probabilities.length; id++) {
    if (probabilities[id]! >= bound) candidates.push(id);
  }
  candidates.sort((a, b) => probabilities[b]! - probabilities[a]! || a - b);
  let sum = 0;
  const size = candidates.findIndex((id) => {
    sum += probabilities[id]!;
    return sum >= topP;
  });
  return size === -1 ? candidates : candidates.slice(0, size + 1);
}

/** The id at which the running sum of `probabilities` over `ids` passes `target`. */
function walk(probabilities: Float64Array, ids: Iterable<number>, target: number): number {
  let rest = target;
  let last = 0;
  for (const id of ids) {
    if (probabilities[id] === 0) continue;
    last = id;
    rest -= probabilities[id]!;
    if (rest < 0) return id;
  }
  return last; // only reached when rounding left a rest
}
