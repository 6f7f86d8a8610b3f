// What a request does to the raw logits before a token is drawn: a list of processors, applied in
// order. Temperature and the cuts by rank or probability come after them, in sampler.ts.
import type { SamplingParams } from './messages.ts';

export type LogitsState = {
  sampling: SamplingParams;
  /** How often each text token came so far. The prompt and the thoughts are not in it. */
  counts: ReadonlyMap<number, number>;
  /** Ids that must not come yet. */
  barred: readonly number[];
  /** A bit for each id that a grammar allows; null where there is none. */
  mask: Int32Array | null;
};

type LogitsProcessor = {
  applies: (state: LogitsState) => boolean;
  /** Changes the logits [V] in place; an id that must not come gets -Infinity. */
  apply: (logits: Float32Array, state: LogitsState) => void;
};

export const logitsProcessors: Record<string, LogitsProcessor> = {
  /** Keskar et al. 2019, arXiv 1909.05858, section 4.1: divided where positive, multiplied where not. */
  repetition: {
    applies: ({ sampling, counts }) => sampling.repetitionPenalty !== 1 && counts.size > 0,
    apply: (logits, { sampling: { repetitionPenalty }, counts }) => {
      for (const id of counts.keys()) {
        logits[id]! *= logits[id]! > 0 ? 1 / repetitionPenalty : repetitionPenalty;
      }
    },
  },
  /** OpenAI's two: once for having come at all, and once per time. */
  presenceAndFrequency: {
    applies: ({ sampling, counts }) =>
      counts.size > 0 && (sampling.presencePenalty !== 0 || sampling.frequencyPenalty !== 0),
    apply: (logits, { sampling: { presencePenalty, frequencyPenalty }, counts }) => {
      for (const [id, count] of counts) logits[id]! -= presencePenalty + frequencyPenalty * count;
    },
  },
  bias: {
    applies: ({ sampling }) => sampling.logitBias.length > 0,
    apply: (logits, { sampling }) => {
      for (const [id, bias] of sampling.logitBias) logits[id]! += bias;
    },
  },
  barred: {
    applies: ({ barred }) => barred.length > 0,
    apply: (logits, { barred }) => {
      for (const id of barred) logits[id] = Number.NEGATIVE_INFINITY;
    },
  },
  grammar: {
    applies: ({ mask }) => mask !== null,
    apply: (logits, { mask }) => {
      for (let id = 0; id < logits.length; id++) {
        const isAllowed = (mask![id >> 5]! >>> (id & 31)) & 1;
        if (!isAllowed) logits[id] = Number.NEGATIVE_INFINITY;
      }
    },
  },
};

/**
 * @param logits [V]; not changed
 * @returns the same array where nothing applies, else a changed copy
 */
export function processLogits(logits: Float32Array, state: LogitsState): Float32Array {
  const active = Object.values(logitsProcessors).filter(({ applies }) => applies(state));
  if (active.length === 0) return logits;
  const processed = logits.slice();
  for (const { apply } of active) apply(processed, state);
  return processed;
}

/** Throws when one is not finite: the model's numbers are broken, and the sequence with them. */
export function checkLogits(logits: Float32Array): void {
  const bad = logits.findIndex((logit) => !Number.isFinite(logit));
  if (bad !== -1)
    throw new Error(`the logit of token ${bad} of ${logits.length} is ${logits[bad]}`);
}
