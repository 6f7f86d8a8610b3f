// The adapter directory: what is written is read again, in halves, and what is not an adapter of this base is refused.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Adapted } from '../../src/model/adapter.ts';
import {
  adapterFiles,
  checkAdapter,
  readAdapter,
  writeAdapter,
} from '../../src/model/adapter-files.ts';
import { CheckpointError } from '../../src/model/checkpoint-files.ts';
import { readHeader, readTensors, writeSafetensors } from '../../src/model/safetensors.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyAdapted, tinyAdapterWeights } from '../support/tiny-adapter.ts';

const reference = { path: 'out/some-base', sha256: 'b'.repeat(64) };

function write(adapted: Adapted, weights = tinyAdapterWeights(adapted)): string {
  const { config, base, lowRank } = adapted;
  const dir = join(temporaryDirectory(), 'tuned');
  const training = { run: { name: 'tuned' }, trainStep: 3 };
  writeAdapter(dir, { config, lowRank, base: reference, weights, training }, base);
  return dir;
}

const json = (dir: string, name: string) => JSON.parse(readFileSync(join(dir, name), 'utf8'));

describe.each(Object.entries(tinyAdapted))('%s', (_, adapted) => {
  it('comes back as it was, each number the nearest half', () => {
    const weights = tinyAdapterWeights(adapted);
    const dir = write(adapted, weights);
    const read = readAdapter(dir);
    checkAdapter(dir, read, adapted);
    expect(read).toMatchObject({
      config: adapted.config,
      lowRank: adapted.lowRank,
      base: reference,
      training: { trainStep: 3 },
      evalReport: null,
    });
    expect([...read.weights.keys()]).toEqual([...weights.keys()]);
    for (const [name, values] of weights) {
      const steps = values.map((x, i) => Math.abs(x - read.weights.get(name)![i]!) / Math.abs(x));
      expect(Math.max(...steps), name).toBeLessThanOrEqual(2 ** -11);
    }
    const { tensors } = readHeader(join(dir, adapterFiles.weights));
    expect(new Set([...tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(['F16']));
  });

  it('says what PEFT asks for', () => {
    const dir = write(adapted);
    expect(readdirSync(dir).sort()).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      'merged_config.json',
      'training.json',
    ]);
    const isGpt2 = adapted.config.model_type === 'gpt2';
    const isTied = adapted.config.tie_word_embeddings;
    const tables = isGpt2 ? ['wte'] : isTied ? ['embed_tokens'] : ['embed_tokens', 'lm_head'];
    const added = Object.fromEntries(tables.map((table) => [table, [257, 258, 259]]));
    expect(json(dir, adapterFiles.config).trainable_token_indices).toEqual(added);
    expect(json(dir, adapterFiles.config)).toMatchObject({
      peft_type: 'LORA',
      base_model_name_or_path: reference.path,
      r: 3,
      lora_alpha: 6,
      fan_in_fan_out: isGpt2,
      target_modules: isGpt2
        ? ['c_attn', 'c_fc', 'c_proj']
        : ['down_proj', 'gate_proj', 'k_proj', 'o_proj', 'q_proj', 'up_proj', 'v_proj'],
    });
  });
});

it('tells PEFT of no token where the base has them all', () => {
  const { config, lowRank } = tinyAdapted.gpt2;
  const dir = write({ config, base: config, lowRank });
  expect(json(dir, adapterFiles.config).trainable_token_indices).toBeNull();
});

describe('is refused, with the file and the numbers', () => {
  const adapted = tinyAdapted.llama;
  const { config, base } = adapted;
  const query = 'base_model.model.model.layers.0.self_attn.q_proj';

  /** Writes an adapter, changes its tensors, and checks it. */
  function checked(
    change: (tensors: Map<string, { shape: number[]; data: Float32Array }>) => void,
    against: Adapted = adapted,
  ) {
    const dir = write(adapted);
    const file = join(dir, adapterFiles.weights);
    const { tensors } = readHeader(file);
    const all = [...readTensors(file, readHeader(file))].map(
      ([name, data]) => [name, { shape: tensors.get(name)!.shape, data }] as const,
    );
    const changed = new Map(all);
    change(changed);
    writeSafetensors(file, changed, {});
    const check = () => checkAdapter(dir, readAdapter(dir), against);
    return { check, file };
  }

  it.each([
    ['missing', `tensor "${query}.lora_B.weight" is missing`],
    ['turned', `"${query}.lora_A.weight" is [16,3], the configuration asks for [3,16]`],
    ['beyond halves', '"model.layers.0.self_attn.q_proj.lora_A.weight" is Infinity at index 7'],
    ['no number', '"model.layers.0.self_attn.q_proj.lora_A.weight" is NaN at index 7'],
    ['another', 'tensor "base_model.model.lm_head.lora_A.weight" is none of the 30 parameters'],
  ])('a tensor that is %s', (what, message) => {
    const { check, file } = checked((tensors) => {
      const a = tensors.get(`${query}.lora_A.weight`)!;
      if (what === 'missing') tensors.delete(`${query}.lora_B.weight`);
      if (what === 'turned') a.shape = [16, 3];
      if (what === 'beyond halves') a.data[7] = Number.POSITIVE_INFINITY;
      if (what === 'no number') a.data[7] = Number.NaN;
      if (what === 'another') tensors.set('base_model.model.lm_head.lora_A.weight', { ...a });
    });
    expect(check).toThrow(CheckpointError);
    expect(check).toThrow(`${file}: `);
    expect(check).toThrow(message);
  });

  it.each([
    ['of another width', { ...base, intermediate_size: 32 }, 'is [24,16], the base has [32,16]'],
    ['of fewer layers', { ...base, num_hidden_layers: 1 }, 'is [16], the base has none'],
    ['of more tokens', { ...base, vocab_size: 300 }, 'is [260,16], the base has [300,16]'],
    ['of another architecture', tinyAdapted.gpt2.base, 'is [260,16], the base has none'],
  ])('a base %s', (_, other, message) => {
    const { check } = checked(() => {}, { ...adapted, config, base: other });
    expect(check).toThrow(CheckpointError);
    expect(check).toThrow(`${adapterFiles.merged}: `);
    expect(check).toThrow(message);
  });

  it('a directory that is none, and a kind of adapter that is not this one', () => {
    expect(() => readAdapter(temporaryDirectory())).toThrow(/merged_config.json: file is missing/);
    const dir = write(adapted);
    const file = join(dir, adapterFiles.config);
    writeFileSync(file, JSON.stringify({ ...json(dir, adapterFiles.config), peft_type: 'IA3' }));
    expect(() => readAdapter(dir)).toThrow(/adapter_config.json: peft_type: /);
  });

  it('a number too large for a half, when the adapter is read', () => {
    const weights = tinyAdapterWeights(adapted);
    weights.get('lm_head.token_adapter.trainable_tokens_delta')![2] = 70_000;
    const dir = write(adapted, weights);
    expect(() => checkAdapter(dir, readAdapter(dir), adapted)).toThrow(/is Infinity at index 2 of/);
  });
});
