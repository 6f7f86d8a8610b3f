// Which tokenizer a data set gets: a byte-level BPE in which every word of the data set is one token (as far as there is
// room), so that counted tokens are words, and any other text still encodes.
import { type TokenizerJson, trainBpe } from './bpe-trainer.ts';

const MAX_VOCAB_SIZE = 1024;

/** tokenizer.json of a data set with these words; the special tokens take the last ids, in the order given. */
export function buildTokenizer(
  wordCounts: ReadonlyMap<string, number>,
  specialTokens: readonly string[],
): TokenizerJson {
  return trainBpe({ wordCounts, maxVocabSize: MAX_VOCAB_SIZE, specialTokens });
}
