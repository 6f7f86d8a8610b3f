// The markers of facebookresearch/coconut, added to a language model that lacks them: three special
// tokens whose rows of the embedding start as the row of `<<`, which opened its reasoning steps.
import { addedToken } from '../model/byte-level-bpe.ts';
import { meanRow, STEP_OPENING } from '../model/embedding-rows.ts';
import { loadTokenizer } from '../model/tokenizer.ts';
import type { TokenizerJson } from './hub-tokenizer.ts';

/** In the order in which the reference adds them, so of their ids. */
export const markers = {
  bot: '<|start-latent|>',
  eot: '<|end-latent|>',
  latent: '<|latent|>',
} as const;

/** Tokens of a vocabulary, from id 0 without a gap. */
export function tokenCount({ model, added_tokens }: TokenizerJson): number {
  const ids = new Set([...Object.values(model.vocab), ...added_tokens.map(({ id }) => id)]);
  return ids.size;
}

export function idOf({ model, added_tokens }: TokenizerJson, content: string): number | null {
  return (
    added_tokens.find((token) => token.content === content)?.id ?? model.vocab[content] ?? null
  );
}

export function hasMarkers(json: TokenizerJson): boolean {
  return Object.values(markers).every((content) => idOf(json, content) !== null);
}

/** Those that are absent get the next ids. */
export function withMarkers(json: TokenizerJson): TokenizerJson {
  const absent = Object.values(markers).filter((content) => idOf(json, content) === null);
  const first = tokenCount(json);
  const added = absent.map((content, i) => addedToken(first + i, content, true));
  return { ...json, added_tokens: [...json.added_tokens, ...added] };
}

/** No text may spell what these tokens mean. The reference adds its markers as ordinary tokens. */
export function asSpecial(json: TokenizerJson, contents: readonly string[]): TokenizerJson {
  const listed = json.added_tokens.map((token) =>
    contents.includes(token.content) ? { ...token, special: true } : token,
  );
  const unlisted = contents.flatMap((content) => {
    const id = json.model.vocab[content];
    const isListed = json.added_tokens.some((token) => token.content === content);
    return id === undefined || isListed ? [] : [addedToken(id, content, true)];
  });
  return { ...json, added_tokens: [...listed, ...unlisted] };
}

/** A matrix with a row per token: how many rows are a token's own, and how many there shall be. */
export type RowPlan = { width: number; trained: number; tokens: number };

/**
 * Surplus rows go (they pad a matrix, no token has them), and those that are not trained become the
 * mean of the rows that `<<` is spelled with, most often one.
 */
export function resizedRows(
  rows: Float32Array,
  { width, trained, tokens }: RowPlan,
  json: TokenizerJson,
): Float32Array {
  const resized = new Float32Array(tokens * width);
  resized.set(rows.subarray(0, Math.min(trained, tokens) * width));
  if (trained >= tokens) return resized;
  const start = meanRow(rows, width, loadTokenizer(json, {}).encode(STEP_OPENING));
  for (let row = trained; row < tokens; row++) resized.set(start, row * width);
  return resized;
}
