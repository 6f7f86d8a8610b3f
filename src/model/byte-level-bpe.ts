// The JSON of a Hugging Face tokenizer.json for byte-level BPE (GPT-2's kind), whoever made its
// vocabulary: our trainer, an import, a test.

/** With use_regex, GPT-2's pre-tokeniser: its pattern and its byte alphabet. */
export const byteLevel = {
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: true,
} as const;

/** `special`: never text. Others are text that is matched whole. */
export function addedToken(id: number, content: string, special: boolean) {
  const strict = { single_word: false, lstrip: false, rstrip: false, normalized: false } as const;
  return { id, content, ...strict, special };
}

/**
 * The parts of tokenizer.json that are filled; a plain JSON value.
 *
 * @param vocab spelling in the byte alphabet and id of each token
 * @param merges pairs, or both sides with a space between them; the likeliest first
 */
export function byteLevelBpe<Merge extends string | [string, string]>({
  vocab,
  merges,
  added,
  preTokenizer = byteLevel,
}: {
  vocab: Iterable<readonly [string, number]>;
  merges: Merge[];
  added: ReturnType<typeof addedToken>[];
  preTokenizer?: object;
}) {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(vocab) as Record<string, number>,
      merges,
    },
  } as const;
}
