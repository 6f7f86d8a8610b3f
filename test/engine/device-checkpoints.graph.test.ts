// What a checkpoint can be, on WebGPU as on the CPU: quantised weights, thoughts refined together, a stop head.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lastQuestionTemplate } from '../../src/model/chat-template.ts';
import { readCheckpoint } from '../../src/model/checkpoint.ts';
import { writeCheckpoint } from '../../src/model/checkpoint-writer.ts';
import { modelConfigSchema } from '../../src/model/model-config.ts';
import { layoutPrompt } from '../../src/model/prompt.ts';
import { byteTokenizerJson } from '../support/byte-tokenizer.ts';
import { whyNoGpu } from '../support/gpu.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyConfig, tinySpecials, tinyWeights } from '../support/tiny-model.ts';
import { answers, asked, expectSame, optionsFor } from './device-answers.ts';
import { makeRequest } from './requests.ts';

const noGpu = await whyNoGpu();
const root = join(import.meta.dirname, '../..');

/** One layer, with these options of the method; returns its folder. */
function writeTiny(options: object): string {
  const dir = join(temporaryDirectory(), 'tiny');
  const plain = tinyConfig('coconut');
  const config = modelConfigSchema.parse({
    ...plain,
    n_layer: 1,
    coconut: { ...plain.coconut, ...options },
  });
  writeCheckpoint(dir, {
    config,
    weights: tinyWeights(config, 2),
    tokenizerJson: byteTokenizerJson(tinySpecials),
    chatTemplate: lastQuestionTemplate,
    training: { run: 'tiny' },
    evalReport: null,
  });
  return dir;
}

describe.skipIf(noGpu)('on WebGPU', { timeout: 900_000 }, () => {
  /** A trained model: its words are far apart, so that rounding does not choose among them. */
  it.each(['int8', 'int4'] as const)('the bundled checkpoint’s words in %s', async (weights) => {
    const dir = join(root, 'models/prosqa-coconut');
    const { config, tokenizer } = readCheckpoint(dir);
    const [item] = JSON.parse(readFileSync(join(root, 'test/data/prosqa-small.json'), 'utf8'));
    const thoughts = config.coconut.default_thoughts;
    const request = makeRequest({
      ...layoutPrompt(config, tokenizer, `${item.question}\n`, thoughts, { kind: 'question' }),
      thoughts: { kind: 'model', count: thoughts },
      stopIds: [config.eos_token_id as number],
      maxTokens: 8,
      returnThoughts: true,
    });
    const waves = [[{ request }]];
    const expected = await answers(optionsFor(dir, 'cpu', weights), waves);
    expect(tokenizer.decode(expected[0]!.tokens)).toMatch(/^###.* \w+ is \w+/);
    // Both round weights alike; the CPU rounds what they are multiplied with, too.
    expectSame(await answers(optionsFor(dir, 'webgpu', weights), waves), expected, 0.03);
  });

  it('thoughts that are refined together', async () => {
    const update = { kind: 'jacobi', iterations: 2, slot_token_id: 259 };
    const dir = writeTiny({ latent_update: update });
    const waves = [[{ request: asked(5, 3, 3) }, { request: asked(9, 1, 2) }]];
    const expected = await answers(optionsFor(dir, 'cpu'), waves);
    expectSame(await answers(optionsFor(dir, 'webgpu'), waves), expected);
  });

  it('thinking that a stop head ends', async () => {
    const dir = writeTiny({ stop_head: true });
    const stoppable = [5, 7, 9].map((length) => {
      const request = asked(length, 4, 2);
      const thoughts = { kind: 'model', count: 4, stopProbability: 0.5 } as const;
      return { request: { ...request, thoughts } };
    });
    const expected = await answers(optionsFor(dir, 'cpu'), [stoppable]);
    const counts = expected.map(({ finished }) => finished.usage.thoughts);
    expect(counts).toEqual([3, 2, 4]);
    expectSame(await answers(optionsFor(dir, 'webgpu'), [stoppable]), expected);
  });
});
