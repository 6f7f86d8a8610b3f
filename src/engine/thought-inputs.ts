// What a sequence makes of a request's thoughts: inputs that stand beforehand, events, one array of all of them, and
// the settings of those that are refined together. Pure.
import type { ModelConfig } from '../model/model-config.ts';
import type { GenerationRequest, ThoughtTrace, TokenEvent } from './messages.ts';

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

export function thoughtEvents(
  thoughts: readonly unknown[],
  traces: readonly ThoughtTrace[],
): TokenEvent[] {
  return thoughts.map((_, index) => {
    const trace = traces[index];
    return { kind: 'thought', index, ...(trace && { trace }) };
  });
}

/** Thoughts that are given, or none, leave nothing to wait for: the suffix is prefilled as well. */
export function prefixOf({ promptIds, thoughts, suffixIds }: GenerationRequest): Input[] {
  if (thoughts.count === 0) return [...promptIds, ...suffixIds];
  if (thoughts.kind === 'model') return [...promptIds];
  const width = thoughts.vectors.length / thoughts.count;
  const vectors = Array.from({ length: thoughts.count }, (_, i) =>
    thoughts.vectors.subarray(i * width, (i + 1) * width),
  );
  return [...promptIds, ...vectors, ...suffixIds];
}

/** @returns [count, D] */
export function joined(thoughts: readonly Float32Array[]): Float32Array {
  const width = thoughts[0]?.length ?? 0;
  const all = new Float32Array(thoughts.length * width);
  thoughts.forEach((thought, i) => {
    all.set(thought, i * width);
  });
  return all;
}
