// npx tsx bench/checkpoint-gguf.ts models/<name> <file>.gguf [F32|F16|Q8_0]
// One of our checkpoints as a GGUF file, so that llama.cpp can run the very same weights. GPT-2 and
// Llama; norms, biases and positions stay F32, as llama.cpp's own converter leaves them.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ggufName } from '../src/import/gguf-names.ts';
import { type Checkpoint, readCheckpoint, readWeights } from '../src/model/checkpoint.ts';
import { dimensionsOf, type ModelConfig } from '../src/model/model-config.ts';
import { parameterTable } from '../src/model/parameters.ts';
import { rotaryFrequencies } from '../src/model/rotary.ts';
import { type GgufTensor, type GgufTensorType, type GgufValue, writeGguf } from './gguf-writer.ts';

/** Throws CheckpointError, and Error for a model that llama.cpp's Llama or GPT-2 cannot be. */
export function writeCheckpointGguf(
  path: string,
  checkpointDir: string,
  type: GgufTensorType,
): void {
  const checkpoint = readCheckpoint(checkpointDir);
  const metadata = { ...sizes(checkpoint), ...vocabulary(checkpoint) };
  writeGguf(path, metadata, [...stretch(checkpoint), ...tensors(checkpoint, type)]);
}

const uint32 = (value: number): GgufValue => ({ type: 'uint32', value });
const float32 = (value: number): GgufValue => ({ type: 'float32', value });
const string = (value: string): GgufValue => ({ type: 'string', value });

function sizes({ id, config }: Checkpoint): Record<string, GgufValue> {
  const { layers, width, heads, kvHeads, headSize, positions } = dimensionsOf(config);
  const shared = {
    context_length: uint32(positions),
    embedding_length: uint32(width),
    block_count: uint32(layers),
    'attention.head_count': uint32(heads),
  };
  const own =
    config.model_type === 'gpt2'
      ? {
          feed_forward_length: uint32(config.n_inner ?? 4 * width),
          'attention.layer_norm_epsilon': float32(config.layer_norm_epsilon),
        }
      : {
          feed_forward_length: uint32(config.intermediate_size),
          'attention.head_count_kv': uint32(kvHeads),
          'attention.layer_norm_rms_epsilon': float32(config.rms_norm_eps),
          'rope.freq_base': float32(config.rope_theta),
          'rope.dimension_count': uint32(headSize),
        };
  const named = Object.entries({ ...shared, ...own }).map(
    ([key, value]) => [`${config.model_type}.${key}`, value] as const,
  );
  return {
    'general.architecture': string(config.model_type),
    'general.name': string(id),
    ...Object.fromEntries(named),
  };
}

/** llama.cpp's numbers of token types. */
const [NORMAL, CONTROL] = [1, 3];

function vocabulary({ config, tokenizer, weightsPath, chatTemplate }: Checkpoint) {
  const path = join(dirname(weightsPath), 'tokenizer.json');
  const json = JSON.parse(readFileSync(path, 'utf8')) as {
    model: { merges: (string | [string, string])[] };
    pre_tokenizer: object;
  };
  const ids = Array.from({ length: tokenizer.vocabSize }, (_, id) => id);
  // llama.cpp wants a list of merges, and none is as good as one that never applies.
  const merges = json.model.merges.length > 0 ? json.model.merges : ['Ā Ā'];
  const bos: Record<string, GgufValue> =
    config.bos_token_id === null
      ? {}
      : { 'tokenizer.ggml.bos_token_id': uint32(config.bos_token_id) };
  return {
    'tokenizer.ggml.model': string('gpt2'),
    'tokenizer.ggml.pre': string(preTokenizerOf(json.pre_tokenizer)),
    'tokenizer.ggml.tokens': { type: 'string[]', value: ids.map(tokenizer.tokenOf) },
    'tokenizer.ggml.token_type': {
      type: 'int32[]',
      value: ids.map((id) => (tokenizer.isSpecial(id) ? CONTROL : NORMAL)),
    },
    'tokenizer.ggml.merges': {
      type: 'string[]',
      value: merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' '))),
    },
    ...bos,
    'tokenizer.ggml.eos_token_id': uint32(config.eos_token_id),
    'tokenizer.ggml.add_bos_token': { type: 'bool', value: false },
    'tokenizer.chat_template': string(chatTemplate),
  } satisfies Record<string, GgufValue>;
}

/** llama.cpp knows pre-tokenisers by name. */
function preTokenizerOf(json: object): string {
  const text = JSON.stringify(json);
  if (text.includes('"Split"')) return 'llama-bpe';
  return text.includes('"Digits"') ? 'smollm' : 'gpt-2';
}

/** How much each rotation is slowed; llama.cpp has no formula for it. */
function stretch({ config }: Checkpoint): GgufTensor[] {
  if (config.model_type !== 'llama' || config.rope_scaling === null) return [];
  const stretched = rotaryFrequencies(config);
  const plain = rotaryFrequencies({ ...config, rope_scaling: null });
  const data = Float32Array.from(plain, (frequency, i) => frequency / stretched[i]!);
  return [{ name: 'rope_freqs.weight', type: 'F32', shape: [data.length], data }];
}

function tensors(checkpoint: Checkpoint, type: GgufTensorType): GgufTensor[] {
  const { config } = checkpoint;
  const weights = readWeights(checkpoint);
  return parameterTable(config).map(({ name, shape, kind }) => {
    const whole = weights.get(name)!;
    const to = ggufName(name);
    const isWide = (kind === 'matrix' || kind === 'embedding') && to !== 'position_embd.weight';
    const own = { name: to, type: isWide ? type : 'F32' } as const;
    const [rows, columns] = shape as [number, number];
    // Conv1D keeps [in, out]; llama.cpp multiplies by [out, in] throughout.
    if (config.model_type === 'gpt2' && kind === 'matrix') {
      return { ...own, shape: [columns, rows], data: transposed(whole, rows, columns) };
    }
    return { ...own, shape, data: rotationOrder(name, whole, shape, config) };
  });
}

function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = data[row * columns + column]!;
    }
  }
  return out;
}

/** llama.cpp rotates neighbouring rows of a head, transformers rows half a head apart. */
function rotationOrder(
  name: string,
  data: Float32Array,
  shape: number[],
  config: ModelConfig,
): Float32Array {
  if (!/\.[qk]_proj\./.test(name)) return data;
  const { headSize } = dimensionsOf(config);
  const [rows, columns] = shape as [number, number];
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const within = row % headSize;
    const half = headSize / 2;
    const to = row - within + (within < half ? 2 * within : 2 * (within - half) + 1);
    out.set(data.subarray(row * columns, (row + 1) * columns), to * columns);
  }
  return out;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [dir, path, type = 'F32'] = process.argv.slice(2);
  if (!dir || !path || !['F32', 'F16', 'Q8_0'].includes(type)) {
    process.stderr.write('usage: checkpoint-gguf.ts <checkpoint> <file>.gguf [F32|F16|Q8_0]\n');
    process.exit(1);
  }
  writeCheckpointGguf(path, dir, type as GgufTensorType);
}
