// A tiny model of each architecture that lacks the three markers, and an adapter that gives it them.
import { type Adapted, adapterTable, type LowRank } from '../../src/model/adapter.ts';
import { lastQuestionTemplate } from '../../src/model/chat-template.ts';
import { writeCheckpoint } from '../../src/model/checkpoint-writer.ts';
import type { ModelConfig } from '../../src/model/model-config.ts';
import { sizeOf } from '../../src/onnx/graph.ts';
import { Random } from '../../src/random.ts';
import { byteTokenizerJson } from './byte-tokenizer.ts';
import { tinyConfig, tinyLlamaConfig, tinySpecials, tinyWeights } from './tiny-model.ts';

const lowRank: LowRank = { rank: 3, alpha: 6 };
const markers = tinySpecials.length - 1;

const unmarked = tinyConfig('cot').coconut;
/** Enough for a problem in words, byte by byte. */
const positions = 1024;
const llama: ModelConfig = { ...tinyLlamaConfig(), max_position_embeddings: positions };

function adapted(config: ModelConfig): Adapted {
  const base = { ...config, vocab_size: config.vocab_size - markers, coconut: unmarked };
  return { config, base, lowRank };
}

/** Llama with an lm_head of its own, so that two tables get rows, and one that has none. */
export const tinyAdapted: Readonly<Record<'gpt2' | 'llama' | 'llama, tied', Adapted>> = {
  gpt2: adapted(tinyConfig('coconut', positions)),
  llama: adapted(llama),
  'llama, tied': adapted({ ...llama, tie_word_embeddings: true }),
};

/** Random values for all that is trained, B included, so that no product is zero. */
export function tinyAdapterWeights(of: Adapted, seed = 5): Map<string, Float32Array> {
  const random = new Random(seed);
  return new Map(
    adapterTable(of).map(({ name, shape }) => [
      name,
      Float32Array.from({ length: sizeOf(shape) }, () => 0.3 * random.normal()),
    ]),
  );
}

export function writeTinyBase(dir: string, { base }: Adapted, seed = 1): void {
  writeCheckpoint(dir, {
    config: base,
    weights: tinyWeights(base, seed),
    tokenizerJson: byteTokenizerJson(['<eos>']),
    chatTemplate: lastQuestionTemplate,
    training: {},
    evalReport: null,
  });
}
