// The text of one answer as it is sampled: what may come next, what came, and whether it is full.
import { Random } from '../random.ts';
import type { GrammarCursor } from './grammar-thread.ts';
import { processLogits } from './logits-processors.ts';
import { tokenLogprobs } from './logprobs.ts';
import type { GenerationRequest, ScoredToken, TokenEvent } from './messages.ts';
import { sampleToken } from './sampler.ts';

export class AnswerText {
  readonly #request: GenerationRequest;
  readonly #grammar: GrammarCursor | null;
  readonly #random: Random;
  /** How often each token came. */
  readonly #counts = new Map<number, number>();
  #length = 0;

  /** @param seed the choice's own */
  constructor(request: GenerationRequest, grammar: GrammarCursor | null, seed: number) {
    this.#request = request;
    this.#grammar = grammar;
    this.#random = new Random(seed);
  }

  /** Tokens so far. */
  get length(): number {
    return this.#length;
  }

  get isFull(): boolean {
    return this.#length === this.#request.maxTokens;
  }

  /** The next token by these logits [V], which is none of `markers`; whether it is text is for the caller to say. */
  draw(logits: Float32Array, markers: readonly number[]): number {
    const { sampling, stopIds, minTokens } = this.#request;
    const barred = this.#length < minTokens ? [...stopIds, ...markers] : markers;
    const mask = this.#grammar?.mask() ?? null;
    const processed = processLogits(logits, { sampling, counts: this.#counts, barred, mask });
    return sampleToken(processed, sampling, this.#random);
  }

  /** @param logits what it was drawn by */
  push(tokenId: number, logits: Float32Array): TokenEvent {
    this.#length += 1;
    this.#counts.set(tokenId, (this.#counts.get(tokenId) ?? 0) + 1);
    return { kind: 'token', ...this.scored(tokenId, logits) };
  }

  /** A drawn token as the request wants to be told of it. */
  scored(tokenId: number, logits: Float32Array): ScoredToken {
    const { logprobs } = this.#request;
    return {
      tokenId,
      logprobs: logprobs === null ? null : tokenLogprobs(logits, tokenId, logprobs),
    };
  }
}
