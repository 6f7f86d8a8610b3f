// Text to token ids and back, over the checkpoint's own tokenizer.json. Two promises the library
// alone does not make: user text never becomes a special token, and nothing is added or cleaned up.
import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';

export interface Tokenizer {
  /** Ids 0..vocabSize-1 all have a token. */
  readonly vocabSize: number;
  /** Plain text only: "<bot>" typed by a user is encoded as those five characters. */
  encode(text: string): number[];
  /** Special tokens are skipped; bytes that are no UTF-8 (yet) become U+FFFD. */
  decode(ids: readonly number[]): string;
  /** Contents of the special tokens. */
  readonly specials: readonly string[];
  specialId(content: string): number | null;
  isSpecial(id: number): boolean;
  /** The token as the vocabulary spells it; for marker names in configs and traces. */
  tokenOf(id: number): string;
  /** The bytes a token stands for; those of its spelling where it is special. Tokens may split characters. */
  bytesOf(id: number): Uint8Array;
}

/** A token may hold part of a character: its text then shows U+FFFD, its bytes the truth. */
export function tokenText(tokenizer: Pick<Tokenizer, 'bytesOf'>, id: number): string {
  return new TextDecoder().decode(tokenizer.bytesOf(id));
}

const tokenId = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);
const addedTokenSchema = z.looseObject({
  id: tokenId,
  content: z.string().min(1),
  special: z.boolean().default(false),
});
const preTokenizerSchema = z.looseObject({
  type: z.string(),
  use_regex: z.boolean().optional(),
  add_prefix_space: z.boolean().optional(),
});
const tokenizerSchema = z.looseObject({
  model: z.looseObject({
    type: z.literal('BPE'),
    vocab: z.record(z.string(), tokenId),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
  }),
  added_tokens: z.array(addedTokenSchema).default([]),
  normalizer: z.looseObject({}).nullable().default(null),
  pre_tokenizer: preTokenizerSchema.nullable().default(null),
  post_processor: z.looseObject({}).nullable().default(null),
  decoder: z.looseObject({ type: z.literal('ByteLevel') }),
});
type TokenizerJson = z.output<typeof tokenizerSchema>;

/** The same chunks as GPT-2's pre-tokeniser or coarser ones: it never splits or joins across these. */
const wordPattern = / ?\S+|\s+(?!\S)|\s+/gu;
const memoLimit = { words: 16_384, wordChars: 64 };

/**
 * Builds a tokenizer from the parsed tokenizer.json and tokenizer_config.json of a byte-level BPE.
 * Throws an Error if ids collide or leave gaps, or if a byte of ordinary text has no token.
 * Characters that need another byte without one (some control characters, in trained vocabularies) are
 * read as U+FFFD: they would otherwise vanish without a trace.
 */
export function loadTokenizer(tokenizerJson: unknown, tokenizerConfig: object): Tokenizer {
  const parsed = tokenizerSchema.safeParse(tokenizerJson);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  const json = parsed.data;
  const tokens = tokensById(json);
  const readable = readableText(json.model.vocab);
  const specials = json.added_tokens.filter((token) => token.special);
  const specialByContent = new Map(specials.map(({ content, id }) => [content, id]));
  const specialIds = new Set(specialByContent.values());
  const encoder = new HubTokenizer(withoutSpecials(json), tokenizerConfig);
  const decoder = new HubTokenizer(json, tokenizerConfig);

  const byteOf = new Map(byteAlphabet().map((symbol, byte) => [symbol, byte]));

  const encodeWhole = (text: string) => {
    const ids: number[] = encoder.encode(readable(text), { add_special_tokens: false }).ids;
    const bad = ids.findIndex((id) => !Number.isInteger(id) || specialIds.has(id));
    if (bad === -1) return ids;
    throw new Error(
      `token ${bad} of a text of ${text.length} characters is special or unknown: id ${ids[bad]}`,
    );
  };
  return {
    vocabSize: tokens.length,
    encode: wordsAreIndependent(json) ? memoised(encodeWhole) : encodeWhole,
    decode(ids) {
      const plain = ids.filter((id) => !specialIds.has(id));
      const unknown = plain.find((id) => tokens[id] === undefined);
      if (unknown !== undefined)
        throw new Error(`token id ${unknown} is not in 0..${tokens.length - 1}`);
      // The library refuses an empty list, and by default removes spaces before punctuation.
      return plain.length === 0
        ? ''
        : decoder.decode(plain, { clean_up_tokenization_spaces: false });
    },
    specials: [...specialByContent.keys()],
    specialId: (content) => specialByContent.get(content) ?? null,
    isSpecial: (id) => specialIds.has(id),
    tokenOf: (id) => tokens[id] ?? `<unknown id ${id}>`,
    bytesOf(id) {
      const token = tokens[id];
      if (token === undefined) throw new Error(`token id ${id} is not in 0..${tokens.length - 1}`);
      const bytes = [...token].map((symbol) => byteOf.get(symbol));
      // Added tokens are spelled as text, not in the byte alphabet.
      if (specialIds.has(id) || bytes.includes(undefined)) return new TextEncoder().encode(token);
      return Uint8Array.from(bytes as number[]);
    },
  };
}

/** Replaces what the vocabulary cannot spell. Throws where it cannot spell ordinary text. */
function readableText(vocab: Readonly<Record<string, number>>): (text: string) => string {
  const missing = new Set<number>();
  const required = new Set(Buffer.from('\t\n\uFFFD'));
  for (const [byte, symbol] of byteAlphabet().entries()) {
    if (symbol in vocab) continue;
    const isPrintable = byte >= 32 && byte < 127;
    if (isPrintable || required.has(byte)) throw new Error(`byte symbol "${symbol}" has no token`);
    missing.add(byte);
  }
  if (missing.size === 0) return (text) => text;
  return (text) =>
    text.replace(/[^\t\n\x20-\x7e]/gu, (character) =>
      Buffer.from(character).some((byte) => missing.has(byte)) ? '\uFFFD' : character,
    );
}

/** Index = byte, value = the printable character that stands for it in a byte-level vocabulary. */
export function byteAlphabet(): string[] {
  const isPrintable = (byte: number) =>
    (byte > 32 && byte < 127) || (byte > 160 && byte < 256 && byte !== 173);
  let substitutes = 0;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : 256 + substitutes++),
  );
}

function tokensById(json: TokenizerJson): string[] {
  const tokens: string[] = [];
  const added = json.added_tokens.map(({ content, id }): [string, number] => [content, id]);
  for (const [content, id] of [...Object.entries(json.model.vocab), ...added]) {
    const holder = tokens[id];
    if (holder !== undefined && holder !== content) {
      throw new Error(`token id ${id} is given to both "${holder}" and "${content}"`);
    }
    tokens[id] = content;
  }
  const gap = tokens.findIndex((_, id) => !(id in tokens));
  if (gap !== -1) throw new Error(`token id ${gap} of ${tokens.length} has no token`);
  return tokens;
}

/** The encoder cannot yield what it does not know: specials are neither in its vocabulary nor made. */
function withoutSpecials(json: TokenizerJson): object {
  const special = new Set(json.added_tokens.filter((t) => t.special).map((t) => t.content));
  const vocab = Object.entries(json.model.vocab).filter(([token]) => !special.has(token));
  // A merge into a token without an id would make the library drop that text.
  const merges = json.model.merges.filter((merge) => {
    const [left, right] = typeof merge === 'string' ? merge.split(' ', 2) : merge;
    return !special.has(`${left}${right}`);
  });
  return {
    ...json,
    model: { ...json.model, vocab: Object.fromEntries(vocab), merges },
    added_tokens: json.added_tokens.filter((token) => !token.special),
    post_processor: null,
  };
}

/** True where encoding word by word gives what encoding the whole text gives. */
function wordsAreIndependent({ pre_tokenizer, normalizer, added_tokens }: TokenizerJson): boolean {
  return (
    pre_tokenizer?.type === 'ByteLevel' &&
    pre_tokenizer.use_regex !== false &&
    pre_tokenizer.add_prefix_space === false &&
    normalizer === null &&
    added_tokens.every((token) => token.special)
  );
}

/** Training encodes millions of sentences over a few hundred words: remember each word's ids. */
function memoised(encodeWhole: (text: string) => number[]): (text: string) => number[] {
  const memo = new Map<string, number[]>();
  return (text) => {
    const ids: number[] = [];
    for (const word of text.match(wordPattern) ?? []) {
      let wordIds = memo.get(word);
      if (wordIds === undefined) {
        wordIds = encodeWhole(word);
        // Bounded, because a server sees any text: the first words to come are the common ones.
        if (memo.size < memoLimit.words && word.length <= memoLimit.wordChars)
          memo.set(word, wordIds);
      }
      for (const id of wordIds) ids.push(id);
    }
    return ids;
  };
}
