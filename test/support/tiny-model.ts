// A whole checkpoint of 2 layers, D = 16, 2 heads over a byte tokenizer, with seeded random weights:
// small enough for every test that needs real tensors, and untrained, so its text is noise.
import { lastQuestionTemplate } from '../../src/model/chat-template.ts';
import { writeCheckpoint } from '../../src/model/checkpoint-writer.ts';
import type { EvalReport } from '../../src/model/eval-report.ts';
import {
  type Gpt2Config,
  type LlamaConfig,
  type ModelConfig,
  modelConfigSchema,
} from '../../src/model/model-config.ts';
import { parameterTable } from '../../src/model/parameters.ts';
import { byteTokenizerJson } from './byte-tokenizer.ts';

export type TinyMethod = 'coconut' | 'cot' | 'pause';

/** In the order of their ids, from 256. */
export const tinySpecials = ['<eos>', '<bot>', '<eot>', '<pause>'] as const;

const fillerOf = { coconut: 'thought', cot: 'none', pause: 'pause' } as const;

export function tinyConfig(method: TinyMethod, positions = 256): Gpt2Config {
  return modelConfigSchema.parse({
    model_type: 'gpt2',
    vocab_size: 256 + tinySpecials.length,
    n_positions: positions,
    n_embd: 16,
    n_layer: 2,
    n_head: 2,
    eos_token_id: 256,
    coconut: coconutOf(method),
  }) as Gpt2Config;
}

/** Four heads over two of keys and values, and an lm_head of its own. */
export function tinyLlamaConfig(): LlamaConfig {
  return modelConfigSchema.parse({
    model_type: 'llama',
    vocab_size: 256 + tinySpecials.length,
    max_position_embeddings: 256,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    eos_token_id: 256,
    coconut: coconutOf('coconut'),
  }) as LlamaConfig;
}

function coconutOf(method: TinyMethod) {
  const filler = fillerOf[method];
  const hasThoughts = filler === 'thought';
  return {
    method,
    filler,
    thoughts_per_step: filler === 'none' ? 0 : 1,
    max_stage: filler === 'none' ? 0 : 6,
    default_thoughts: filler === 'none' ? 0 : 3,
    bot_token_id: hasThoughts ? 257 : null,
    eot_token_id: hasThoughts ? 258 : null,
    pause_token_id: filler === 'pause' ? 259 : null,
    answer_marker: '### ',
  };
}

/**
 * Large weights on purpose: at GPT-2's usual 0.02 all logits would be nearly equal, and a comparison
 * of greedy tokens could pass or fail by rounding.
 */
export function tinyWeights(config: ModelConfig, seed: number): Map<string, Float32Array> {
  const random = seededRandom(seed);
  const weights = new Map<string, Float32Array>();
  for (const { name, shape, kind } of parameterTable(config)) {
    const count = shape.reduce((product, dim) => product * dim, 1);
    const mean = kind === 'gain' ? 1 : 0;
    const spread = kind === 'matrix' || kind === 'embedding' ? 0.6 : 0.1;
    weights.set(
      name,
      Float32Array.from({ length: count }, () => mean + spread * (2 * random() - 1)),
    );
  }
  return weights;
}

/** Same seed and method: same bytes. */
export function writeTinyCheckpoint(
  dir: string,
  options: {
    seed: number;
    method: TinyMethod;
    evalReport?: EvalReport;
    positions?: number;
    /** The run file it shall record. */
    run?: object;
  },
): void {
  const config = tinyConfig(options.method, options.positions);
  writeCheckpoint(dir, {
    config,
    weights: tinyWeights(config, options.seed),
    tokenizerJson: byteTokenizerJson(tinySpecials),
    chatTemplate: lastQuestionTemplate,
    training: { run: options.run ?? 'tiny', seed: options.seed, updates: 0 },
    evalReport: options.evalReport ?? null,
  });
}

/** Park and Miller's minimal standard generator: uniform in (0, 1), good enough for noise. */
function seededRandom(seed: number): () => number {
  const modulus = 2 ** 31 - 1;
  let state = (seed % (modulus - 1)) + 1;
  return () => {
    state = (state * 48_271) % modulus;
    return state / modulus;
  };
}
