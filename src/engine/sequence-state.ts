// The phases of one choice of a request, and which of its clocks runs in each.
import type { CancelStage, FinishReason } from './messages.ts';
import type { Input } from './thought-inputs.ts';

export type SequenceState =
  | { phase: 'waiting' }
  /** Has a place, and computes nothing until another choice of its request has thought for both. */
  | { phase: 'following' }
  /** `computed` inputs of the prefix are in the KV cache. */
  | { phase: 'prefilling'; computed: number }
  /** On the way into latent mode in the middle of an answer: its last token or none, <bot>, and what needs no wait. */
  | { phase: 'opening'; inputs: readonly Input[] }
  /** `hidden` is the next thought to feed, one of the `thoughtsLeft`. */
  | { phase: 'thinking'; thoughtsLeft: number; hidden: Float32Array }
  /** All thoughts at once, as they stand now: `sweepsLeft` more looks at them, then they are fed. */
  | { phase: 'refining'; sweepsLeft: number; columns: readonly Input[] }
  /** The next token is drawn from these logits [V], as soon as its grammar's mask is there. */
  | { phase: 'choosing'; logits: Float32Array }
  | { phase: 'answering'; lastToken: number }
  | { phase: 'finished'; reason: FinishReason };

export const clockOf = {
  waiting: 'queueMs',
  following: 'prefillMs',
  prefilling: 'prefillMs',
  opening: 'latentMs',
  thinking: 'latentMs',
  refining: 'latentMs',
  choosing: 'decodeMs',
  answering: 'decodeMs',
  finished: 'decodeMs',
} as const;

/** The stage whose time a clock counts. */
export const stageOf: Record<(typeof clockOf)[keyof typeof clockOf], CancelStage> = {
  queueMs: 'queued',
  prefillMs: 'prefill',
  latentMs: 'thinking',
  decodeMs: 'answering',
};
