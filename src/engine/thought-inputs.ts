// What a sequence feeds: tokens and thoughts, those that stand beforehand, and the settings of those that are refined
// together. Pure.
import type { ModelConfig } from '../model/model-config.ts';
import { splitThoughts } from '../model/thought-control.ts';
import type { GenerationRequest, ThoughtSource } from './messages.ts';

/** What one position holds: a token, or a continuous thought [D] in the place of an embedding. */
export type Input = number | Float32Array;

/** Parallel thoughts (LatentUpdate of model/coconut.ts): passes over them, and what fills those not yet known. */
export type Refinement = { iterations: number; slotId: number };

export function refinementOf({
  coconut: { latent_update: update },
}: ModelConfig): Refinement | undefined {
  if (update.kind !== 'jacobi') return undefined;
  return { iterations: update.iterations, slotId: update.slot_token_id };
}

/** Clients send any integer as a seed: negative ones and those beyond 2^53 wrap. Offset 0 is the seed. */
export function wrappedSeed(seed: number, offset: number): number {
  // An odd multiplier spreads neighbouring offsets far apart.
  return Number(BigInt.asUintN(53, BigInt(seed) + BigInt(offset) * 0x9e3779b97f4a7c15n));
}

/** The thoughts that come before all text: none, where latent mode begins in the middle of it. */
export function promptThoughts({ thoughts, latentEntry }: GenerationRequest): ThoughtSource {
  return latentEntry ? { kind: 'model', count: 0 } : thoughts;
}

/** Thoughts that are given, or none, leave nothing to wait for: what stands behind them goes along. */
export function leadIn(
  before: readonly number[],
  thoughts: ThoughtSource,
  after: readonly number[],
): Input[] {
  if (thoughts.count === 0) return [...before, ...after];
  if (thoughts.kind === 'model') return [...before];
  return [...before, ...splitThoughts(thoughts.vectors, thoughts.count), ...after];
}
