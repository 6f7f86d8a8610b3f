// Weights before the first step: GPT-2's distribution, and what the heads of the induction start look at,
// computed in plain arithmetic.
import { describe, expect, it } from 'vitest';
import { type Gpt2Config, modelConfigSchema } from '../../src/model/model-config.ts';
import { parameterTable } from '../../src/model/parameters.ts';
import { Random } from '../../src/random.ts';
import type { TokenRoles } from '../../src/training/induction-start.ts';
import { type Initialization, initialWeights } from '../../src/training/initialize.ts';
import { trainingConfigSchema } from '../../src/training/training-config.ts';
import { attentionMaps } from '../support/plain-attention.ts';
import { tinyRunFile } from '../support/tiny-run.ts';

const configOf = (width: number, heads: number, layers: number): Gpt2Config =>
  modelConfigSchema.parse({
    model_type: 'gpt2',
    vocab_size: 40,
    n_positions: 64,
    n_embd: width,
    n_layer: layers,
    n_head: heads,
    eos_token_id: 39,
    coconut: {
      method: 'cot',
      filler: 'none',
      thoughts_per_step: 0,
      max_stage: 0,
      default_thoughts: 0,
      bot_token_id: null,
      eot_token_id: null,
      answer_marker: '### ',
    },
  }) as Gpt2Config;

/** Eight entities of one form, 10 to 17, and one of two forms, 18 and 19; "every is a ." are 0 to 3. */
const roles: TokenRoles = {
  entities: [...Array.from({ length: 8 }, (_, i) => [10 + i]), [18, 19]],
  structure: [0, 1, 2, 3],
};

/** With the defaults that a run file gets. */
const start = (kind: 'gpt2' | 'induction') =>
  trainingConfigSchema.parse({ ...tinyRunFile, start: { kind } }).start as Initialization;

describe('the gpt2 start', () => {
  const config = configOf(64, 4, 3);
  const weights = initialWeights(config, start('gpt2'), { roles, numbers: [] }, new Random(1));
  const deviation = (name: string): number =>
    Math.sqrt(weights.get(name)!.reduce((sum, x) => sum + x * x, 0) / weights.get(name)!.length);

  it('is normal with 0.02, less where it enters the residual stream', () => {
    expect(deviation('transformer.wte.weight')).toBeCloseTo(0.02, 3);
    expect(deviation('transformer.h.1.attn.c_attn.weight')).toBeCloseTo(0.02, 3);
    expect(deviation('transformer.h.1.mlp.c_proj.weight')).toBeCloseTo(0.02 / Math.sqrt(6), 4);
  });

  it('has gains of 1 and biases of 0, and a value for every parameter', () => {
    for (const { name, kind, shape } of parameterTable(config)) {
      const values = weights.get(name)!;
      expect(values.length, name).toBe(shape.reduce((size, dim) => size * dim, 1));
      if (kind === 'gain') expect(values.every((x) => x === 1)).toBe(true);
      if (kind === 'bias') expect(values.every((x) => x === 0)).toBe(true);
    }
  });

  it('follows the seed', () => {
    const same = initialWeights(config, start('gpt2'), { roles, numbers: [] }, new Random(1));
    const other = initialWeights(config, start('gpt2'), { roles, numbers: [] }, new Random(2));
    expect(same).toEqual(weights);
    expect(other.get('transformer.wte.weight')).not.toEqual(weights.get('transformer.wte.weight'));
  });
});

describe('the induction start', () => {
  const config = configOf(64, 2, 2);
  const weights = initialWeights(config, start('induction'), { roles, numbers: [] }, new Random(1));
  // Every 10 is a 11. Every 12 is a 13. … Every 12
  const fact = (from: number, to: number): number[] => [0, from, 1, 2, to, 3];
  const ids = [...fact(10, 11), ...fact(12, 13), ...fact(14, 15), ...fact(16, 17), 0, 12];
  const maps = attentionMaps(config, weights, ids);

  it.each([
    [0, 3],
    [1, 2],
  ])('head %i of the first layer looks %i tokens back', (head, offset) => {
    for (let p = offset; p < ids.length; p++) {
      const row = maps[0]![head]![p]!;
      expect(row.indexOf(Math.max(...row)), `position ${p}`).toBe(p - offset);
      expect(row[p - offset], `position ${p}`).toBeGreaterThan(0.5);
    }
  });

  it('the first head of the second layer finds what followed the word', () => {
    const row = maps[1]![0]!.at(-1)!;
    const follower = ids.indexOf(13);
    expect(row.indexOf(Math.max(...row))).toBe(follower);
  });

  it('the second head of the second layer finds the word itself, there and two tokens later', () => {
    // Two tokens later because that is where a looking-back head of the first layer has copied it to.
    const row = maps[1]![1]!.at(-1)!;
    const at = ids.indexOf(12);
    const elsewhere = row.filter((_, p) => ![at, at + 2, row.length - 1].includes(p));
    expect(row[at]! + row[at + 2]!).toBeGreaterThan(elsewhere.reduce((sum, x) => sum + x, 0));
    for (const p of [at, at + 2]) expect(row[p]).toBeGreaterThan(Math.max(...elsewhere));
  });

  it('gives both forms of one entity the same embedding, two entities orthogonal ones', () => {
    const D = config.n_embd;
    const row = (id: number) =>
      weights.get('transformer.wte.weight')!.subarray(id * D, (id + 1) * D);
    expect(row(18)).toEqual(row(19));
    expect(row(10).reduce((sum, x, d) => sum + x * row(11)[d]!, 0)).toBe(0);
    expect(Math.hypot(...row(10))).toBeCloseTo(2, 6);
  });

  it('files what more than one looking-back head sees, where a fact has two lengths', () => {
    const D = config.n_embd;
    // Entities: 9, in the first dimensions; their copies as earlier words in the next ones.
    const filed = (of: typeof weights, head: number) => {
      const out = of.get('transformer.h.0.attn.c_proj.weight')!;
      const rows = Array.from({ length: D / 2 }, (_, i) => (head * D) / 2 + i);
      return rows
        .flatMap((r) => [...out.subarray(r * D + 9, r * D + 18)])
        .some((x) => Math.abs(x) > 0.1);
    };
    const twice = { ...start('induction'), filingHeads: 2 } as Initialization;
    const both = initialWeights(config, twice, { roles, numbers: [] }, new Random(1));
    expect([filed(weights, 0), filed(weights, 1)]).toEqual([true, false]);
    expect([filed(both, 0), filed(both, 1)]).toEqual([true, true]);
  });

  it('leaves heads without a role as GPT-2 has them', () => {
    const wide = configOf(96, 3, 2);
    const trained = initialWeights(wide, start('induction'), { roles, numbers: [] }, new Random(1));
    const map = attentionMaps(wide, trained, ids)[0]![2]!.at(-1)!;
    expect(Math.max(...map)).toBeLessThan(0.1); // 26 positions, nearly uniform
  });

  it('says how wide the model must be', () => {
    const narrow = () =>
      initialWeights(configOf(28, 2, 2), start('induction'), { roles, numbers: [] }, new Random(1));
    expect(narrow).toThrow(
      'induction start: 9 entities and 4 structure words need n_embd ≥ 30, got 28',
    );
  });
});
