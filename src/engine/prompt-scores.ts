// The prompt's own tokens with their log probabilities, taken chunk by chunk as it is prefilled: of the logits [V] at
// each position only the token's own and the likeliest are kept.
import { checkLogits } from './logits-processors.ts';
import { tokenLogprobs } from './logprobs.ts';
import type { GenerationRequest, ScoredToken, TokenEvent } from './messages.ts';

export class PromptScores {
  readonly #promptIds: readonly number[];
  /** How many of the likeliest are kept of each; null: nothing is scored. */
  readonly #top: number | null;
  readonly #tokens: ScoredToken[];

  constructor({ promptIds, promptLogprobs }: GenerationRequest) {
    this.#promptIds = promptIds;
    this.#top = promptLogprobs ?? null;
    // Nothing stands before the first, so nothing says how likely it was.
    this.#tokens = promptIds.slice(0, 1).map((tokenId) => ({ tokenId, logprobs: null }));
  }

  /** Of `count` inputs from `from` on, how many (the first of them) have a token of the prompt behind them to score. */
  countAmong(from: number, count: number): number {
    if (this.#top === null) return 0;
    return Math.max(0, Math.min(count, this.#promptIds.length - 1 - from));
  }

  /** @param logits [count, V], at the next `count` positions. Throws where one is not finite. */
  take(logits: Float32Array, count: number): void {
    const V = logits.length / count;
    for (let i = 0; i < count; i++) {
      const row = logits.subarray(i * V, (i + 1) * V);
      checkLogits(row);
      const tokenId = this.#promptIds[this.#tokens.length]!;
      this.#tokens.push({ tokenId, logprobs: tokenLogprobs(row, tokenId, this.#top!) });
    }
  }

  /** Once the prompt is through. */
  told(): TokenEvent[] {
    return this.#top === null ? [] : [{ kind: 'prompt', tokens: this.#tokens }];
  }
}
