// A tokenizer.json with one token per byte and no merges: any text, no training, 256 + specials.
import { byteAlphabet, loadTokenizer, type Tokenizer } from '../../src/model/tokenizer.ts';

/** Content of tokenizer.json; special number i gets id 256 + i. */
export function byteTokenizerJson(specials: readonly string[]) {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, i) => ({
      id: 256 + i,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: 'ByteLevel',
      add_prefix_space: false,
      trim_offsets: true,
      use_regex: true,
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(byteAlphabet().map((symbol, byte) => [symbol, byte])),
      merges: [] as [string, string][],
    },
  };
}

export function byteTokenizer(
  specials: readonly string[] = ['<eos>', '<bot>', '<eot>'],
): Tokenizer {
  return loadTokenizer(byteTokenizerJson(specials), {});
}
