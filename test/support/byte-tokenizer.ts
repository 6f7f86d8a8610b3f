// A tokenizer.json with one token per byte and no merges: any text, no training, 256 + specials.
import { addedToken, byteLevelBpe } from '../../src/model/byte-level-bpe.ts';
import { byteAlphabet, loadTokenizer, type Tokenizer } from '../../src/model/tokenizer.ts';

/** Content of tokenizer.json; special number i gets id 256 + i. */
export function byteTokenizerJson(specials: readonly string[]) {
  return byteLevelBpe({
    vocab: byteAlphabet().map((symbol, byte) => [symbol, byte] as const),
    merges: [] as [string, string][],
    added: specials.map((content, i) => addedToken(256 + i, content, true)),
  });
}

export function byteTokenizer(
  specials: readonly string[] = ['<eos>', '<bot>', '<eot>'],
): Tokenizer {
  return loadTokenizer(byteTokenizerJson(specials), {});
}
