// A GGUF file (llama.cpp's format) → the parts of our checkpoint directory. The header is read by
// @huggingface/gguf; names, layouts and the tokenizer are translated here. Llama architecture only.
import { closeSync, openSync, readSync } from 'node:fs';
import { type GGUFParseOutput, gguf } from '@huggingface/gguf';
import { z } from 'zod';
import type { CheckpointParts } from '../model/checkpoint.ts';
import { dimensionsOf, type LlamaConfig, modelConfigSchema } from '../model/model-config.ts';
import { parameterTable } from '../model/parameters.ts';
import { blockKinds, dequantize } from './dequantize.ts';
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
  ...tokenizerFields,
  'general.name': z.string().default(''),
  'tokenizer.chat_template': z.string().min(1),
});
type Metadata = z.output<typeof metadataSchema>;

/** Throws an Error that names the file where it is of another architecture or cannot be read. */
export async function readGguf(path: string): Promise<CheckpointParts> {
  const parsed = await gguf(path, { allowLocalFile: true });
  const metadata = metadataSchema.safeParse(parsed.metadata);
  if (!metadata.success) throw new Error(`${path}: ${z.prettifyError(metadata.error)}`);
  const config = toConfig(metadata.data, parsed);
  return {
    config,
    weights: readTensors(path, config, parsed),
    tokenizerJson: toTokenizerJson(metadata.data),
    chatTemplate: metadata.data['tokenizer.chat_template'],
    training: { imported: 'gguf', name: metadata.data['general.name'] },
    evalReport: null,
  };
}

function toConfig(metadata: Metadata, { tensorInfos }: GGUFParseOutput): LlamaConfig {
  const names = new Set(tensorInfos.map(({ name }) => name));
  // llama.cpp keeps Llama 3's stretched frequencies as a tensor: the formula cannot be told from it.
  if (names.has('rope_freqs.weight')) {
    throw new Error('rope_freqs.weight: import the Hugging Face directory of this model instead');
  }
  return modelConfigSchema.parse({
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
    tie_word_embeddings: !names.has('output.weight'),
    bos_token_id: metadata['tokenizer.ggml.bos_token_id'] ?? null,
    eos_token_id: metadata['tokenizer.ggml.eos_token_id'],
    coconut: pretrained,
  }) as LlamaConfig;
}

const blockNames: Record<string, string> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};

const topNames: Record<string, string> = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
};

/** transformers' name of a parameter → llama.cpp's. */
function ggufName(name: string): string {
  const [, layer, part] = /^model\.layers\.(\d+)\.(.+)\.weight$/.exec(name) ?? [];
  return part === undefined ? topNames[name]! : `blk.${layer}.${blockNames[part]}.weight`;
}

function readTensors(
  path: string,
  config: LlamaConfig,
  { tensorInfos, tensorDataOffset }: GGUFParseOutput,
): Map<string, Float32Array> {
  const byName = new Map(tensorInfos.map((info) => [info.name, info]));
  const { heads, kvHeads } = dimensionsOf(config);
  const file = openSync(path, 'r');
  try {
    return new Map(
      parameterTable(config).map(({ name, shape }) => {
        const info = byName.get(ggufName(name));
        if (!info) throw new Error(`${path}: tensor "${ggufName(name)}" is missing`);
        // GGUF counts the fastest axis first.
        if (String(info.shape.toReversed()) !== String(shape))
          throw new Error(
            `${path}: "${info.name}" is [${info.shape}], expected [${shape}] reversed`,
          );
        const kind = blockKinds[info.dtype];
        if (!kind)
          throw new Error(`${path}: "${info.name}" has type ${info.dtype}, none we decode`);
        const size = shape.reduce((a, b) => a * b, 1);
        const bytes = Buffer.alloc((size / kind.weights) * kind.bytes);
        const read = readSync(file, bytes, 0, bytes.length, Number(tensorDataOffset + info.offset));
        const values = dequantize(kind, new DataView(bytes.buffer, bytes.byteOffset, read), size);
        if (name.endsWith('q_proj.weight')) return [name, halvesApart(values, shape, heads)];
        if (name.endsWith('k_proj.weight')) return [name, halvesApart(values, shape, kvHeads)];
        return [name, values];
      }),
    );
  } finally {
    closeSync(file);
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
