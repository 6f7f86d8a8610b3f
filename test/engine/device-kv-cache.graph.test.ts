// Keys and values that stay on a WebGPU device, through the engine's loop, against the same loop on the
// CPU. Few requests that together come by every way into the tables: a software adapter is slow.
import { describe, expect, it } from 'vitest';
import { loadModel } from '../../src/engine/load-model.ts';
import { lastQuestionTemplate } from '../../src/model/chat-template.ts';
import { writeCheckpoint } from '../../src/model/checkpoint-writer.ts';
import { modelConfigSchema } from '../../src/model/model-config.ts';
import { byteTokenizerJson } from '../support/byte-tokenizer.ts';
import { whyNoGpu } from '../support/gpu.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import {
  tinyConfig,
  tinySpecials,
  tinyWeights,
  writeTinyCheckpoint,
} from '../support/tiny-model.ts';
import { answers, asked, expectSame, optionsFor } from './device-answers.ts';

const noGpu = await whyNoGpu();

/** 2 query heads on each of 2 key and value heads. */
function writeTinyLlama(dir: string): void {
  const config = modelConfigSchema.parse({
    model_type: 'llama',
    vocab_size: 256 + tinySpecials.length,
    max_position_embeddings: 128,
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    tie_word_embeddings: true,
    eos_token_id: 256,
    coconut: tinyConfig('coconut').coconut,
  });
  writeCheckpoint(dir, {
    config,
    weights: tinyWeights(config, 3),
    tokenizerJson: byteTokenizerJson(tinySpecials),
    chatTemplate: lastQuestionTemplate,
    training: { run: 'tiny-llama' },
    evalReport: null,
  });
}

describe.skipIf(noGpu)('on WebGPU', { timeout: 600_000 }, () => {
  const long = asked(70, 2, 3);

  it('the text, thoughts and usage are the CPU’s: chunks, batches, choices, kept prefixes', async () => {
    const dir = temporaryDirectory();
    writeTinyCheckpoint(`${dir}/tiny`, { seed: 7, method: 'coconut' });
    const waves = [
      // A prompt of two chunks and spans of 64 and 128, scored, beside a short one.
      [{ request: { ...long, promptLogprobs: 1 } }, { request: asked(5, 1, 4) }],
      // Three choices on one set of thoughts, which the prefix cache has.
      [2, 3, 4].map(() => ({ request: long, firstId: 2 })),
    ];
    const expected = await answers(optionsFor(`${dir}/tiny`, 'cpu'), waves);
    const actual = await answers(optionsFor(`${dir}/tiny`, 'webgpu'), waves);
    expectSame(actual, expected);
    expect(actual[0]!.scores).toHaveLength(70);
    expect(actual[2]?.finished.usage.cachedTokens).toBeGreaterThan(60);
    // Batched as alone: the first wave's request and the third's are the same one.
    expect(actual[2]?.tokens).toEqual(actual[0]?.tokens);
  });

  it('grouped heads and rotary positions are read from the tables as well', async () => {
    const dir = `${temporaryDirectory()}/llama`;
    writeTinyLlama(dir);
    const waves = [[{ request: asked(5, 1, 2) }, { request: asked(9, 0, 2) }]];
    const expected = await answers(optionsFor(dir, 'cpu'), waves);
    expectSame(await answers(optionsFor(dir, 'webgpu'), waves), expected);
  });

  it('a software adapter is refused unless allowed', async () => {
    const dir = temporaryDirectory();
    writeTinyCheckpoint(`${dir}/tiny`, { seed: 7, method: 'coconut' });
    const options = { ...optionsFor(`${dir}/tiny`, 'webgpu'), allowSoftwareGpu: false };
    const loading = loadModel(options).then(({ adapter, release }) =>
      release().then(() => adapter),
    );
    await expect(loading.catch((error: Error) => error.message)).resolves.toSatisfy(
      (outcome) => outcome.kind === 'hardware' || /only a software adapter/.test(outcome),
    );
  });
});
