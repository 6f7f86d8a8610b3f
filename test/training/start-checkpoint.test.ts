// Going on from a checkpoint: which markers its tokenizer gets, and what their rows start as.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lastQuestionTemplate } from '../../src/model/chat-template.ts';
import { writeCheckpoint } from '../../src/model/checkpoint-writer.ts';
import { type ModelConfig, modelConfigSchema } from '../../src/model/model-config.ts';
import { openStartCheckpoint, startWeights } from '../../src/training/start-checkpoint.ts';
import { byteTokenizerJson } from '../support/byte-tokenizer.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyConfig, tinyWeights, writeTinyCheckpoint } from '../support/tiny-model.ts';

const width = 16;
const row = (table: Float32Array | undefined, id: number) =>
  table!.subarray(id * width, (id + 1) * width);
const stepOpening = '<'.charCodeAt(0); // `<<` is two tokens of one kind to a tokenizer of bytes

const plain = tinyConfig('cot').coconut;

/** A language model that knows no markers but `specials`. */
function write(config: ModelConfig, specials: readonly string[]): string {
  const dir = join(temporaryDirectory(), 'start');
  writeCheckpoint(dir, {
    config,
    weights: tinyWeights(config, 1),
    tokenizerJson: byteTokenizerJson(specials),
    chatTemplate: lastQuestionTemplate,
    training: {},
    evalReport: null,
  });
  return dir;
}

const gpt2 = (vocab: number): ModelConfig => ({ ...tinyConfig('cot'), vocab_size: vocab });
const llama = (vocab: number, tied: boolean): ModelConfig =>
  modelConfigSchema.parse({
    model_type: 'llama',
    vocab_size: vocab,
    max_position_embeddings: 64,
    hidden_size: width,
    intermediate_size: 24,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    tie_word_embeddings: tied,
    eos_token_id: 256,
    coconut: plain,
  });

describe('a checkpoint without markers', () => {
  it.each([
    ['gpt2', gpt2(257), ['transformer.wte.weight']],
    ['llama, tied', llama(257, true), ['model.embed_tokens.weight']],
    ['llama, untied', llama(257, false), ['model.embed_tokens.weight', 'lm_head.weight']],
  ])('%s: gets three, whose rows are that of <<', (_, config, tables) => {
    const start = openStartCheckpoint(write(config, ['<eos>']));
    expect(start.markers).toEqual({ bot: 257, eot: 258, pause: 259 });
    expect(start.tokenizer.vocabSize).toBe(260);
    const text = 'It costs <<3*4=12>> <bot>';
    expect(start.tokenizer.encode(text)).toEqual(start.checkpoint.tokenizer.encode(text));
    const weights = startWeights(start);
    for (const name of tables) {
      const table = weights.get(name)!;
      expect(table).toHaveLength(260 * width);
      expect(table.subarray(0, 257 * width)).toEqual(tinyWeights(config, 1).get(name));
      for (const id of [257, 258, 259]) expect(row(table, id)).toEqual(row(table, stepOpening));
    }
  });
});

it('takes the reference’s markers for its own, and adds what is missing', () => {
  const specials = ['<eos>', '<|start-latent|>', '<|end-latent|>'];
  const start = openStartCheckpoint(write(gpt2(259), specials));
  expect(start.markers).toEqual({ bot: 257, eot: 258, pause: 259 });
  const table = startWeights(start).get('transformer.wte.weight');
  for (const id of [257, 258, 259]) expect(row(table, id)).toEqual(row(table, stepOpening));
});

it('keeps the rows of markers that it has thought with', () => {
  const dir = join(temporaryDirectory(), 'coconut');
  writeTinyCheckpoint(dir, { seed: 1, method: 'coconut' });
  const start = openStartCheckpoint(dir);
  expect(start.markers).toEqual({ bot: 257, eot: 258, pause: 259 });
  const before = tinyWeights(tinyConfig('coconut'), 1).get('transformer.wte.weight');
  const after = startWeights(start).get('transformer.wte.weight');
  for (const id of [257, 258]) expect(row(after, id)).toEqual(row(before, id));
  expect(row(after, 259)).toEqual(row(after, stepOpening));
});

it('says what is missing, and where', () => {
  const dir = join(temporaryDirectory(), 'nowhere');
  expect(() => openStartCheckpoint(dir)).toThrow(`${dir}/config.json: file is missing`);
});
