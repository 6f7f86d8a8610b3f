// GGUF files that bench/checkpoint-gguf.ts generates from small Llamas: weights, config and token ids
// come back; what another implementation would compute otherwise is refused.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeCheckpointGguf } from '../../bench/checkpoint-gguf.ts';
import type { GgufTensorType } from '../../bench/gguf-writer.ts';
import { readGguf } from '../../src/import/gguf.ts';
import { readHuggingFace } from '../../src/import/hugging-face.ts';
import { type Checkpoint, readCheckpoint, readWeights } from '../../src/model/checkpoint.ts';
import { writeCheckpoint } from '../../src/model/checkpoint-writer.ts';
import { modelConfigSchema } from '../../src/model/model-config.ts';
import { goldenDirectory } from '../support/import-goldens.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyWeights } from '../support/tiny-model.ts';
import '../support/to-be-allclose.ts';

const llama3 = {
  rope_type: 'llama3',
  factor: 32,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

/** Llama 3's tokenizer in little, over weights whose rows are whole blocks. */
function source(changes: object = {}): Checkpoint {
  const dir = join(temporaryDirectory(), 'source');
  const parts = readHuggingFace(goldenDirectory('llama'), { thoughts: null });
  const config = modelConfigSchema.parse({
    ...parts.config,
    hidden_size: 64,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    rope_theta: 500_000,
    ...changes,
  });
  writeCheckpoint(dir, { ...parts, config, weights: tinyWeights(config, 5) });
  return readCheckpoint(dir);
}

function ggufOf({ dir }: Checkpoint, type: GgufTensorType = 'F32'): string {
  const path = join(temporaryDirectory(), 'model.gguf');
  writeCheckpointGguf(path, dir, type);
  return path;
}

async function imported(path: string): Promise<Checkpoint> {
  const dir = join(temporaryDirectory(), 'imported');
  writeCheckpoint(dir, await readGguf(path));
  return readCheckpoint(dir);
}

/** Of the same length, so that no offset moves. */
function replaceText(path: string, from: string, to: string): void {
  const bytes = readFileSync(path);
  const at = bytes.indexOf(from);
  if (at === -1 || from.length !== to.length) throw new Error(`cannot replace ${from}`);
  bytes.write(to, at);
  writeFileSync(path, bytes);
}

describe('readGguf', () => {
  it.each([
    ['F32', 0],
    ['F16', 2 ** -11],
    ['Q8_0', 0.6 / 127],
  ] as const)('%s weights come back within %f', async (type, error) => {
    const before = source();
    const after = readWeights(await imported(ggufOf(before, type)));
    for (const [name, values] of readWeights(before)) {
      expect(after.get(name)).toBeAllclose(values, { relative: error, absolute: error });
    }
  });

  it('config and token ids come back', async () => {
    const before = source({ tie_word_embeddings: true });
    const { config, tokenizer, eosIds, chatTemplate } = await imported(ggufOf(before));
    const { rms_norm_eps, rope_theta } = { ...before.config } as Record<string, unknown>;
    expect(config).toMatchObject({ rms_norm_eps, rope_theta, tie_word_embeddings: true });
    expect(config).toMatchObject({ rope_scaling: null, vocab_size: before.config.vocab_size });
    expect(eosIds).toEqual([before.config.eos_token_id]);
    expect(chatTemplate).toBe(before.chatTemplate);
    for (const text of ['Is it 12345?\n\n  <<the>> “é”', "DON'T\r\n \t us"]) {
      expect(tokenizer.encode(text)).toEqual(before.tokenizer.encode(text));
    }
  });

  it('finds Llama 3’s stretched rotations again', async () => {
    const before = source({ rope_scaling: llama3 });
    expect((await imported(ggufOf(before))).config).toMatchObject({ rope_scaling: llama3 });
  });

  it('refuses rotations that are stretched otherwise', async () => {
    const before = source({ rope_scaling: { ...llama3, high_freq_factor: 8 } });
    await expect(readGguf(ggufOf(before))).rejects.toThrow(/rope_freqs\.weight is not Llama 3's/);
  });

  it('names the file and what is missing, wherever it is cut', { timeout: 120_000 }, async () => {
    const whole = ggufOf(source());
    const bytes = readFileSync(whole);
    const cut = join(temporaryDirectory(), 'cut.gguf');
    // The last tensor is not read to its padding's end.
    const lengths = Array.from({ length: 60 }, (_, i) =>
      Math.floor((i * (bytes.length - 64)) / 60),
    );
    const reasons: string[] = [];
    for (const length of lengths) {
      writeFileSync(cut, bytes.subarray(0, length));
      const error = await readGguf(cut).then(
        () => new Error(`read from ${length} of ${bytes.length} bytes`),
        (reason: Error) => reason,
      );
      expect(error.message).toContain('cut.gguf: ');
      reasons.push(error.message);
    }
    expect(reasons.join('\n')).toMatch(/no GGUF header that can be read/);
    expect(reasons.join('\n')).toMatch(/"[\w.]+" ends at byte \d+, the file at \d+/);
  });

  it('names another architecture, another tokenizer and a tensor that is missing', async () => {
    const damaged = (from: string, to: string) => {
      const path = ggufOf(source());
      replaceText(path, from, to);
      return expect(readGguf(path)).rejects;
    };
    await damaged('\u0005\0\0\0\0\0\0\0llama', '\u0005\0\0\0\0\0\0\0qwen2').toThrow(
      /model\.gguf: .*general\.architecture/s,
    );
    await damaged('llama-bpe', 'some-else').toThrow(/tokenizer\.ggml\.pre/);
    await damaged('blk.0.ffn_gate', 'blk.0.ffn_gone').toThrow(
      /tensor "blk\.0\.ffn_gate\.weight" is missing/,
    );
  });
});
