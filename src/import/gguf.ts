// A GGUF file (llama.cpp's format) → the parts of our checkpoint directory. The header is read by
// @huggingface/gguf; names, layouts and the tokenizer are translated here. Llama architecture only.
import { closeSync, openSync, statSync } from 'node:fs';
import { type GGUFParseOutput, gguf } from '@huggingface/gguf';
import { z } from 'zod';
import { lastQuestionTemplate } from '../model/chat-template.ts';
import type { CheckpointParts } from '../model/checkpoint-writer.ts';
import {
  dimensionsOf,
  type LlamaConfig,
  modelConfigSchema,
  type RopeScaling,
} from '../model/model-config.ts';
import { parameterTable } from '../model/parameters.ts';
import { readBytes } from '../model/read-bytes.ts';
import { rotaryFrequencies } from '../model/rotary.ts';
import { elementCount } from '../model/safetensors-header.ts';
import { blockKinds, dequantize } from './dequantize.ts';
import { ggufName } from './gguf-names.ts';
import { tokenizerFields, toTokenizerJson } from './gguf-tokenizer.ts';
import { pretrained } from './pretrained.ts';

const count = z.number().int().min(1);
const metadataSchema = z.looseObject({
  'general.architecture': z.literal('llama'),
  'llama.block_count': count,
  'llama.context_length': count,
  'llama.embedding_length': count,
  'llama.feed_forward_length': count,
  'llama.attention.head_count': count,
  'llama.attention.head_count_kv': count,
  'llama.attention.layer_norm_rms_epsilon': z.number().positive(),
  'llama.rope.freq_base': z.number().positive().default(10_000),
  'llama.rope.dimension_count': count.optional(),
  'llama.rope.scaling.type': z.enum(['none', 'linear']).default('none'),
  'llama.rope.scaling.factor': z.number().min(1).default(1),
  ...tokenizerFields,
  'general.name': z.string().default(''),
  'tokenizer.chat_template': z.string().min(1).optional(),
});
type Metadata = z.output<typeof metadataSchema>;

/** Throws an Error that names the file where it is of another architecture, damaged, or cannot be read. */
export async function readGguf(path: string): Promise<CheckpointParts> {
  const parsed = await gguf(path, { allowLocalFile: true }).catch((cause: Error) => {
    throw new Error(`${path}: no GGUF header that can be read: ${cause.message}`, { cause });
  });
  const metadata = metadataSchema.safeParse(parsed.metadata);
  if (!metadata.success) throw new Error(`${path}: ${z.prettifyError(metadata.error)}`);
  const file: GgufFile = { path, ...parsed };
  const config = toConfig(metadata.data, file);
  const { eosIds, chatTemplate } = conversation(metadata.data);
  return {
    config,
    weights: weightsOf(config, file),
    tokenizerJson: toTokenizerJson(metadata.data),
    chatTemplate,
    generationConfig: { do_sample: false, eos_token_id: eosIds },
    training: { imported: 'gguf', name: metadata.data['general.name'] },
    evalReport: null,
  };
}

type GgufFile = Pick<GGUFParseOutput, 'tensorInfos' | 'tensorDataOffset'> & { path: string };

function toConfig(metadata: Metadata, file: GgufFile): LlamaConfig {
  const names = new Set(file.tensorInfos.map(({ name }) => name));
  const fields = {
    model_type: 'llama',
    vocab_size: metadata['tokenizer.ggml.tokens'].length,
    max_position_embeddings: metadata['llama.context_length'],
    hidden_size: metadata['llama.embedding_length'],
    intermediate_size: metadata['llama.feed_forward_length'],
    num_hidden_layers: metadata['llama.block_count'],
    num_attention_heads: metadata['llama.attention.head_count'],
    num_key_value_heads: metadata['llama.attention.head_count_kv'],
    // Stored as float32: 9.999999747e-6 was 1e-5.
    rms_norm_eps: Number(metadata['llama.attention.layer_norm_rms_epsilon'].toPrecision(6)),
    rope_theta: metadata['llama.rope.freq_base'],
    rope_scaling:
      metadata['llama.rope.scaling.type'] === 'linear'
        ? { rope_type: 'linear', factor: metadata['llama.rope.scaling.factor'] }
        : null,
    tie_word_embeddings: !names.has('output.weight'),
    bos_token_id: metadata['tokenizer.ggml.bos_token_id'] ?? null,
    eos_token_id: metadata['tokenizer.ggml.eos_token_id'],
    coconut: pretrained,
  };
  const config = modelConfigSchema.parse(fields) as LlamaConfig;
  const { headSize } = dimensionsOf(config);
  const rotated = metadata['llama.rope.dimension_count'] ?? headSize;
  if (rotated !== headSize) {
    throw new Error(
      `${file.path}: ${rotated} of a head's ${headSize} numbers are rotated, not all`,
    );
  }
  if (!names.has(stretchName)) return config;
  const slowedBy = readTensor(file, stretchName, [headSize / 2]);
  return { ...config, rope_scaling: stretchOf(file.path, config, slowedBy) };
}

const stretchName = 'rope_freqs.weight';

/**
 * llama.cpp keeps by how much each rotation is slowed, not the formula. Llama 3's own is found again,
 * and proven by the numbers; any other is refused.
 */
function stretchOf(path: string, config: LlamaConfig, slowedBy: Float32Array): RopeScaling {
  const rope_scaling: RopeScaling = {
    rope_type: 'llama3',
    factor: Math.max(...slowedBy),
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  };
  const plain = rotaryFrequencies({ ...config, rope_scaling: null });
  const stretched = rotaryFrequencies({ ...config, rope_scaling });
  const isSame = plain.every((frequency, i) => {
    const expected = frequency / stretched[i]!;
    return Math.abs(slowedBy[i]! - expected) <= 1e-3 * expected;
  });
  if (isSame) return rope_scaling;
  throw new Error(`${path}: ${stretchName} is not Llama 3's: import its Hugging Face directory`);
}

/** A base model brings no template: it is given the last question, after <bos> where texts begin so. */
function conversation(metadata: Metadata): { eosIds: number[]; chatTemplate: string } {
  const own = metadata['tokenizer.chat_template'];
  const bos = metadata['tokenizer.ggml.add_bos_token'] ? '{{ bos_token }}' : '';
  const ends = [metadata['tokenizer.ggml.eos_token_id'], metadata['tokenizer.ggml.eot_token_id']];
  return {
    eosIds: [...new Set(ends.filter((id) => id !== undefined))],
    chatTemplate: own ?? `${bos}${lastQuestionTemplate}`,
  };
}

/** Checked now, read one at a time when their turn comes. */
function weightsOf(config: LlamaConfig, file: GgufFile): CheckpointParts['weights'] {
  const { heads, kvHeads } = dimensionsOf(config);
  const shapes = new Map(parameterTable(config).map(({ name, shape }) => [name, shape]));
  for (const [name, shape] of shapes) findTensor(file, ggufName(name), shape);
  return {
    has: (name) => shapes.has(name),
    get(name) {
      const shape = shapes.get(name)!;
      const values = readTensor(file, ggufName(name), shape);
      if (name.endsWith('q_proj.weight')) return halvesApart(values, shape, heads);
      if (name.endsWith('k_proj.weight')) return halvesApart(values, shape, kvHeads);
      return values;
    },
  };
}

/** Throws an Error where it is missing, of another shape, of a type that is not decoded, or beyond the file's end. */
function findTensor(file: GgufFile, name: string, shape: readonly number[]) {
  const { path, tensorInfos, tensorDataOffset } = file;
  const info = tensorInfos.find((candidate) => candidate.name === name);
  if (!info) throw new Error(`${path}: tensor "${name}" is missing`);
  // GGUF counts the fastest axis first.
  if (String(info.shape.toReversed()) !== String(shape)) {
    throw new Error(`${path}: "${name}" is [${info.shape}], expected [${shape}] reversed`);
  }
  const kind = blockKinds[info.dtype];
  if (!kind) throw new Error(`${path}: "${name}" has type ${info.dtype}, none we decode`);
  const size = elementCount(shape);
  const byteLength = (size / kind.weights) * kind.bytes;
  const at = Number(tensorDataOffset) + Number(info.offset);
  const fileBytes = statSync(path).size;
  // Before memory is allocated for what is not there.
  if (at + byteLength > fileBytes) {
    const reason = `"${name}" ends at byte ${at + byteLength}, the file at ${fileBytes}`;
    throw new Error(`${path}: ${reason}`);
  }
  return { kind, size, at, byteLength };
}

function readTensor(file: GgufFile, name: string, shape: readonly number[]): Float32Array {
  const { kind, size, at, byteLength } = findTensor(file, name, shape);
  const bytes = new Uint8Array(byteLength);
  const handle = openSync(file.path, 'r');
  try {
    const read = readBytes(handle, bytes, at);
    return dequantize(kind, new DataView(bytes.buffer, 0, read), size);
  } finally {
    closeSync(handle);
  }
}

/** llama.cpp rotates neighbouring rows of a head, transformers rows half a head apart. */
function halvesApart(values: Float32Array, [rows, columns]: number[], heads: number): Float32Array {
  const headSize = rows! / heads;
  const moved = new Float32Array(values.length);
  for (let row = 0; row < rows!; row++) {
    const within = row % headSize;
    const to = row - within + (within % 2) * (headSize / 2) + (within >> 1);
    moved.set(values.subarray(row * columns!, (row + 1) * columns!), to * columns!);
  }
  return moved;
}
