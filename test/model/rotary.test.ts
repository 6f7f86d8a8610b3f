// Rotation tables: plain angles, and Llama 3's stretching of the slow ones.
import { describe, expect, it } from 'vitest';
import { type LlamaConfig, modelConfigSchema } from '../../src/model/model-config.ts';
import { rotaryFrequencies, rotaryTables } from '../../src/model/rotary.ts';

const llama = (changes: object): LlamaConfig =>
  modelConfigSchema.parse({
    model_type: 'llama',
    vocab_size: 8,
    max_position_embeddings: 3,
    hidden_size: 16,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    eos_token_id: 0,
    coconut: {
      method: 'pretrained',
      filler: 'none',
      thoughts_per_step: 0,
      max_stage: 0,
      default_thoughts: 0,
      bot_token_id: null,
      eot_token_id: null,
      answer_marker: '',
    },
    ...changes,
  }) as LlamaConfig;

const llama3 = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 64,
};

describe('rotaryFrequencies', () => {
  it('falls geometrically from one radian a position', () => {
    const frequencies = rotaryFrequencies(llama({ rope_theta: 10_000 }));
    expect(frequencies.map((f) => Number(f.toPrecision(6)))).toEqual([1, 0.1, 0.01, 0.001]);
  });

  it('keeps fast pairs, slows slow ones by the factor, blends between (llama3)', () => {
    const [fast, between, slow, slowest] = rotaryFrequencies(llama({ rope_scaling: llama3 }));
    expect(fast).toBe(1); // 64 / 2π = 10.2 turns within the original length, above 4
    const share = ((64 * 0.1) / (2 * Math.PI) - 1) / 3; // 1.02 turns
    expect(between).toBeCloseTo(0.1 * (share + (1 - share) / 8), 12);
    expect(slow).toBeCloseTo(0.01 / 8, 12);
    expect(slowest).toBeCloseTo(0.001 / 8, 12);
  });

  it('divides all by the factor (linear)', () => {
    const frequencies = rotaryFrequencies(
      llama({ rope_scaling: { rope_type: 'linear', factor: 4 } }),
    );
    expect(frequencies[1]).toBeCloseTo(0.025, 12);
  });
});

describe('rotaryTables', () => {
  it('holds both halves, the sine of the lower one negated', () => {
    const { cos, sin } = rotaryTables(llama({}));
    expect([cos[2 * 8], cos[2 * 8 + 4]]).toEqual([
      Math.fround(Math.cos(2)),
      Math.fround(Math.cos(2)),
    ]);
    expect([sin[2 * 8], sin[2 * 8 + 4]]).toEqual([
      Math.fround(-Math.sin(2)),
      Math.fround(Math.sin(2)),
    ]);
  });
});

describe('modelConfigSchema', () => {
  it.each([
    [
      { num_key_value_heads: 3 },
      /num_attention_heads 2 is not a multiple of num_key_value_heads 3/,
    ],
    [{ hidden_size: 17 }, /hidden_size 17 is not a multiple of num_attention_heads 2/],
    [{ hidden_size: 6 }, /a head of 3 has no halves to rotate/],
    [{ head_dim: 4 }, /head_dim 4 is not .* 16 \/ 2/],
    [{ hidden_act: 'gelu' }, /hidden_act/],
    [{ model_type: 'qwen2' }, /model_type/],
  ])('refuses %o', (changes, message) => {
    expect(() => llama(changes)).toThrow(message);
  });
});
