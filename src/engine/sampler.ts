// Logits to one token id: greedy, or drawn at a temperature from the ids that min-p, top-k and the
// top-p nucleus leave.
import type { Random } from '../random.ts';
import type { SamplingParams } from './messages.ts';

type Cuts = Pick<SamplingParams, 'temperature' | 'topP' | 'topK' | 'minP'>;

/**
 * @param logits [V], -Infinity for ids that must not come; not changed
 * @param random drawn from exactly once per call unless temperature is 0
 * @returns the most likely id (the lowest of equals) at temperature 0, else an id drawn from the
 *   ids whose probability is at least minP of the highest, of these the topK likeliest (0: all), of
 *   these the smallest set of likeliest ids whose share reaches topP (Holtzman et al. 2020, arXiv
 *   1904.09751)
 * Throws when no id may come.
 */
export function sampleToken(logits: Float32Array, cuts: Cuts, random: Random): number {
  const likeliest = argmax(logits);
  if (cuts.temperature === 0) return likeliest;
  const probabilities = softmax(logits, logits[likeliest]!, cuts.temperature);
  const target = random.uniform();
  const { topP, topK, minP } = cuts;
  if (topP >= 1 && topK === 0 && minP === 0)
    return walk(probabilities, probabilities.keys(), target);
  const kept = keptIds(probabilities, probabilities[likeliest]!, cuts);
  const mass = kept.reduce((sum, id) => sum + probabilities[id]!, 0);
  return walk(probabilities, kept, target * mass);
}

function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 0; id < logits.length; id++) {
    if (logits[id]! > logits[best]!) best = id;
  }
  if (logits[best]! > Number.NEGATIVE_INFINITY) return best;
  throw new Error(`none of the ${logits.length} tokens may come`);
}

function softmax(logits: Float32Array, highest: number, temperature: number): Float64Array {
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** By falling probability (equals: lower id first); never empty. */
function keptIds(
  probabilities: Float64Array,
  highest: number,
  { topP, topK, minP }: Cuts,
): number[] {
  // All ids below this bound sum to at most 1 - topP, so without a smaller mass none is needed: few
  // are left to sort. Top-k makes the mass smaller, and then every id may count.
  const needless = topK === 0 && minP === 0 ? (1 - topP) / probabilities.length : 0;
  const bound = Math.max(minP * highest, needless);
  const candidates: number[] = [];
  for (let id = 0; id < probabilities.length; id++) {
    if (probabilities[id]! >= bound) candidates.push(id);
  }
  candidates.sort((a, b) => probabilities[b]! - probabilities[a]! || a - b);
  if (topK > 0) candidates.splice(topK);
  // The nucleus is a share of what the other cuts left.
  const isCut = topK > 0 || minP > 0;
  const mass = isCut ? candidates.reduce((sum, id) => sum + probabilities[id]!, 0) : 1;
  let sum = 0;
  const size = candidates.findIndex((id) => {
    sum += probabilities[id]!;
    return sum >= topP * mass;
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
