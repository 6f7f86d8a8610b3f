// What an import makes of a directory's config and tokenizer files, and what it refuses.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readHuggingFace } from '../../src/import/hugging-face.ts';
import { readCheckpoint } from '../../src/model/checkpoint.ts';
import { writeCheckpoint } from '../../src/model/checkpoint-writer.ts';
import {
  type FloatTensor,
  readHeader,
  readTensors,
  writeSafetensors,
} from '../../src/model/safetensors.ts';
import { goldenDirectory, type ImportGolden } from '../support/import-goldens.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

function copyOf(name: ImportGolden): string {
  const dir = join(temporaryDirectory(), name);
  cpSync(goldenDirectory(name), dir, { recursive: true });
  return dir;
}

function changeJson(path: string, changes: object): void {
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...changes }));
}

const changeConfig = (dir: string, changes: object) =>
  changeJson(join(dir, 'config.json'), changes);
const plain = { thoughts: null };

describe('readHuggingFace', () => {
  it('leaves a plain model as it is unless it shall think', () => {
    const { config, weights } = readHuggingFace(goldenDirectory('gpt2'), plain);
    expect(config.vocab_size).toBe(267);
    expect(config.coconut).toMatchObject({ method: 'pretrained', filler: 'none' });
    expect(weights.get('transformer.wte.weight')).toHaveLength(267 * 12);
  });

  it('starts the markers as the row of <<', () => {
    const { weights } = readHuggingFace(goldenDirectory('gpt2'), { thoughts: 2 });
    const rows = weights.get('transformer.wte.weight')!;
    const row = (id: number) => [...rows.subarray(12 * id, 12 * id + 12)];
    for (const id of [267, 268, 269]) expect(row(id)).toEqual(row(256));
  });

  it('knows a state dict of the reference by its names, and its trained markers', () => {
    const { config, weights } = readHuggingFace(goldenDirectory('coconut'), plain);
    expect(config.coconut).toMatchObject({ method: 'coconut', default_thoughts: 6 });
    const rows = weights.get('transformer.wte.weight')!;
    expect(rows.subarray(12 * 267, 12 * 268)).not.toEqual(rows.subarray(12 * 256, 12 * 257));
  });

  it('keeps every token that ends an answer, and what begins a text', () => {
    const dir = join(temporaryDirectory(), 'llama3');
    writeCheckpoint(dir, readHuggingFace(goldenDirectory('llama3'), plain));
    const { eosIds, config, chatTemplate, tokenizer } = readCheckpoint(dir);
    expect(tokenizer.tokenOf(config.eos_token_id)).toBe('<|eot_id|>');
    expect(eosIds).toEqual([268, 267]);
    expect(chatTemplate).toMatch(/^\{\{ bos_token \}\}/);
  });

  it('reads both spellings of how rotations are stretched', () => {
    const linear = copyOf('llama');
    changeConfig(linear, { rope_scaling: { type: 'linear', factor: 2 } });
    expect(readHuggingFace(linear, plain).config).toMatchObject({
      rope_scaling: { rope_type: 'linear', factor: 2 },
    });
    const newest = copyOf('llama');
    changeConfig(newest, {
      rope_theta: undefined,
      rope_scaling: undefined,
      rope_parameters: { rope_type: 'default', rope_theta: 123 },
    });
    expect(readHuggingFace(newest, plain).config).toMatchObject({
      rope_theta: 123,
      rope_scaling: null,
    });
  });

  it('takes the markers of a tokenizer that has them as ordinary tokens', () => {
    const dir = copyOf('coconut');
    writeFileSync(
      join(dir, 'added_tokens.json'),
      JSON.stringify({ '<|start-latent|>': 267, '<|end-latent|>': 268, '<|latent|>': 269 }),
    );
    const out = join(temporaryDirectory(), 'out');
    writeCheckpoint(out, readHuggingFace(dir, plain));
    expect(readCheckpoint(out).tokenizer.specialId('<|latent|>')).toBe(269);
  });
});

describe('what cannot be imported is named', () => {
  const refusal = (name: ImportGolden, damage: (dir: string) => void) => {
    const dir = copyOf(name);
    damage(dir);
    return expect(() => readHuggingFace(dir, plain));
  };

  it('a pickle', () => {
    refusal('gpt2', (dir) => {
      rmSync(join(dir, 'model.safetensors'));
      writeFileSync(join(dir, 'pytorch_model.bin'), '');
    }).toThrow(/pytorch_model\.bin: a pickle can run code .* scripts\/to_safetensors\.py/);
  });

  it('an index that leads out of the directory', () => {
    refusal('llama3', (dir) =>
      changeJson(join(dir, 'model.safetensors.index.json'), {
        weight_map: { 'model.norm.weight': '../other.safetensors' },
      }),
    ).toThrow(/names no \.safetensors file beside it/);
  });

  it('a shard that is missing', () => {
    refusal('llama3', (dir) => rmSync(join(dir, 'model-00002-of-00003.safetensors'))).toThrow(
      /model-00002-of-00003\.safetensors: file is missing/,
    );
  });

  it('another architecture, other attention, quantised weights', () => {
    refusal('gpt2', (dir) => changeConfig(dir, { model_type: 'bert' })).toThrow(/model_type/);
    refusal('gpt2', (dir) => changeConfig(dir, { scale_attn_weights: false })).toThrow(
      /scale_attn_weights/,
    );
    refusal('llama', (dir) => changeConfig(dir, { quantization_config: {} })).toThrow(
      /quantised weights are not read/,
    );
    refusal('llama', (dir) => changeConfig(dir, { attention_bias: true })).toThrow(
      /attention_bias/,
    );
  });

  it('a tensor of another shape, and a tied copy that differs', () => {
    refusal('gpt2', (dir) => changeConfig(dir, { n_positions: 95 })).toThrow(
      /"transformer\.wpe\.weight" is \[96,12\], config\.json asks for \[95,12\]/,
    );
    refusal('gpt2-untied', (dir) => changeConfig(dir, { tie_word_embeddings: true })).toThrow(
      /lm_head\.weight differs from the embedding/,
    );
  });

  it('fewer rows than tokens', () => {
    refusal('gpt2', (dir) => {
      const path = join(dir, 'model.safetensors');
      const header = readHeader(path);
      const tensors = new Map<string, FloatTensor>();
      for (const [name, data] of readTensors(path, header)) {
        const isTable = name.endsWith('wte.weight');
        const shape = isTable ? [200, 12] : header.tensors.get(name)!.shape;
        tensors.set(name, { shape, data: isTable ? data.slice(0, 2400) : data });
      }
      writeSafetensors(path, tensors, {});
    }).toThrow(/wte\.weight" has 200 rows for 267 tokens/);
  });

  it('no tokenizer', () => {
    refusal('gpt2', (dir) => rmSync(join(dir, 'merges.txt'))).toThrow(
      /vocab\.json with merges\.txt/,
    );
  });
});
