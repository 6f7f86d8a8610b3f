// Keys and values that stay on a WebGPU device, through the engine's loop, against the same loop on the
// CPU. Few requests that together come by every way into the tables: a software adapter is slow.
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadModel } from '../../src/engine/load-model.ts';
import type { EngineOptions, GenerationRequest, TokenEvent } from '../../src/engine/messages.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import { StepLoop } from '../../src/engine/step-loop.ts';
import { lastQuestionTemplate } from '../../src/model/chat-template.ts';
import { writeCheckpoint } from '../../src/model/checkpoint.ts';
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
import { type Collected, collect, makeRequest } from './requests.ts';

const eot = 258;
const noGpu = await whyNoGpu();

function optionsFor(checkpointDir: string, device: 'cpu' | 'webgpu'): EngineOptions {
  const sizes = { slots: 3, slotCapacity: 128, maxPrefillTokens: 48, threads: 1 };
  const software = { allowSoftwareGpu: true, prefixCacheBytes: 2 ** 16 };
  return { checkpointDir, weights: 'fp32', device, ...sizes, ...software };
}

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

/** The waves one after the other, the requests of a wave together; `firstId` groups choices. */
async function answers(
  options: EngineOptions,
  waves: { request: GenerationRequest; firstId?: number }[][],
): Promise<Collected[]> {
  const { runner, release } = await loadModel(options);
  onTestFinished(release);
  const loop = new StepLoop(runner, options, () => 0);
  const events = new Map<number, TokenEvent[]>();
  let id = 0;
  for (const wave of waves) {
    for (const { request, firstId } of wave) {
      events.set(id, []);
      loop.submit(new Sequence(id, request, 0, firstId ?? id));
      id++;
    }
    while (!loop.isIdle) {
      const outcome = await loop.step();
      expect(outcome?.failures).toEqual([]);
      for (const { id, event } of outcome?.events ?? []) events.get(id)!.push(event);
    }
  }
  expect(runner.kvUsage).toBe(0);
  return [...events.values()].map(collect);
}

const prompt = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => (i * 37 + seed * 101 + ((i * i) % 13)) % 256);

const asked = (length: number, count: number, maxTokens: number) =>
  makeRequest({
    promptIds: prompt(length, length),
    thoughts: { kind: 'model', count },
    suffixIds: [eot],
    maxTokens,
    returnThoughts: true,
    cacheScope: 'a',
  });

function expectSame(actual: readonly Collected[], expected: readonly Collected[]): void {
  expect(actual.map(({ tokens }) => tokens)).toEqual(expected.map(({ tokens }) => tokens));
  actual.forEach(({ finished }, i) => {
    const other = expected[i]!.finished;
    expect(finished.usage).toEqual(other.usage);
    const [thoughts, same] = [finished.thoughts ?? [], other.thoughts ?? []];
    expect(thoughts.length).toBe(same.length);
    thoughts.forEach((value, d) => {
      expect(value).toBeCloseTo(same[d]!, 4);
    });
  });
}

describe.skipIf(noGpu)('on WebGPU', { timeout: 600_000 }, () => {
  const long = asked(70, 2, 3);

  it('the text, thoughts and usage are the CPU’s: chunks, batches, choices, kept prefixes', async () => {
    const dir = temporaryDirectory();
    writeTinyCheckpoint(`${dir}/tiny`, { seed: 7, method: 'coconut' });
    const waves = [
      // A prompt of two chunks and spans of 64 and 128, beside a short one.
      [{ request: long }, { request: asked(5, 1, 4) }],
      // Three choices on one set of thoughts, which the prefix cache has.
      [2, 3, 4].map(() => ({ request: long, firstId: 2 })),
    ];
    const expected = await answers(optionsFor(`${dir}/tiny`, 'cpu'), waves);
    const actual = await answers(optionsFor(`${dir}/tiny`, 'webgpu'), waves);
    expectSame(actual, expected);
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
