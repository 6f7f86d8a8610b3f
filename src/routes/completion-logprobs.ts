// Tokens → the four parallel arrays of /v1/completions: OpenAI's old shape of log probabilities. Pure.
import type { ScoredToken, TokenLogprobs } from '../engine/messages.ts';
import type { Tokenizer } from '../model/tokenizer.ts';
import { TextOffsets } from './text-offsets.ts';

/** An entry per token; null is the log probability of a prompt's first. */
export type CompletionLogprobs = {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  text_offset: number[];
} | null;

/** What one choice has to tell of, in the text's order. */
export type ChoicePiece =
  | { kind: 'prompt' | 'text'; tokens: readonly ScoredToken[] }
  /** What ended it, which is no text. */
  | { kind: 'stop'; token: ScoredToken };

/** One choice's arrays, in as many parts as it comes in: plain in one, streamed in several. */
export class ChoiceLogprobs {
  readonly #tokenizer: Tokenizer;
  readonly #offsets: TextOffsets;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.#offsets = new TextOffsets(tokenizer);
  }

  /** Null where there is no token among the pieces. */
  next(pieces: readonly ChoicePiece[]): CompletionLogprobs {
    const entries = pieces.flatMap((piece) => this.#placed(piece));
    if (entries.length === 0) return null;
    return {
      tokens: entries.map(({ tokenId }) => tokenName(this.#tokenizer, tokenId)),
      token_logprobs: entries.map(({ logprobs }) => logprobs?.logprob ?? null),
      top_logprobs: entries.map(
        ({ tokenId, logprobs }) => logprobs && this.#top(tokenId, logprobs),
      ),
      text_offset: entries.map(({ offset }) => offset),
    };
  }

  #placed(piece: ChoicePiece): (ScoredToken & { offset: number })[] {
    const offsets = this.#offsets;
    if (piece.kind === 'stop') return [{ ...piece.token, offset: offsets.end }];
    const placed = piece.tokens.map((token) => ({ ...token, offset: offsets.next(token.tokenId) }));
    if (piece.kind === 'prompt') offsets.endText();
    return placed;
  }

  /** The likeliest and the token itself; of equal names the likeliest. */
  #top(tokenId: number, { logprob, top }: TokenLogprobs): Record<string, number> {
    const byName = new Map<string, number>();
    for (const entry of [...top, { tokenId, logprob }]) {
      const name = tokenName(this.#tokenizer, entry.tokenId);
      if (!byName.has(name)) byName.set(name, entry.logprob);
    }
    return Object.fromEntries(byName);
  }
}

/** A token's text; its bytes, as OpenAI spells them, where it is none by itself: `bytes:\xf0\x9f`. */
export function tokenName(tokenizer: Pick<Tokenizer, 'bytesOf'>, tokenId: number): string {
  const bytes = tokenizer.bytesOf(tokenId);
  try {
    return strict.decode(bytes);
  } catch {
    // Part of a character, or none at all.
    return `bytes:${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
