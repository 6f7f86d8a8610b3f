// Which tokenizer a data set gets: a byte-level BPE in which every word of the data set is one token, so that counted
// tokens are words, and any other text still encodes.
import { type TokenizerJson, trainBpe } from './bpe-trainer.ts';
import { prosqaWordCounts } from './datasets/prosqa-words.ts';
import type { TrainingConfig } from './training-config.ts';

export type DatasetName = TrainingConfig['data']['kind'];

const wordCountsOf: Record<DatasetName, () => Map<string, number>> = {
  prosqa: prosqaWordCounts,
};

const MAX_VOCAB_SIZE = 800;

/** tokenizer.json of a data set; the special tokens take the last ids, in the order given. */
export function buildTokenizer(
  dataset: DatasetName,
  specialTokens: readonly string[],
): TokenizerJson {
  const wordCounts = wordCountsOf[dataset]();
  return trainBpe({ wordCounts, maxVocabSize: MAX_VOCAB_SIZE, specialTokens });
}
