// A Hugging Face directory of a GPT-2 or Llama, or one with a state dict of facebookresearch/coconut,
// → the parts of our checkpoint directory. Owns what its config means here.
import { join } from 'node:path';
import { z } from 'zod';
import { CheckpointError, readJson, readOptionalJson } from '../model/checkpoint-files.ts';
import type { CheckpointParts } from '../model/checkpoint-writer.ts';
import { eosIdsSchema } from '../model/generation-config.ts';
import {
  type CoconutConfig,
  dimensionsOf,
  type ModelConfig,
  modelConfigSchema,
} from '../model/model-config.ts';
import { parameterTable } from '../model/parameters.ts';
import { readHubTokenizer, type TokenizerJson } from './hub-tokenizer.ts';
import {
  asSpecial,
  hasMarkers,
  idOf,
  markers,
  resizedRows,
  tokenCount,
  withMarkers,
} from './markers.ts';
import { pretrained } from './pretrained.ts';
import { openStateDict, type StateDict } from './state-dict.ts';

/** What facebookresearch/coconut evaluates with, on GSM8k and on ProsQA. */
const referenceThoughts = 6;

const eosIds = eosIdsSchema.nullish();
const sourceSchema = z.looseObject({
  model_type: z.enum(['gpt2', 'llama']),
  eos_token_id: eosIds,
  bos_token_id: z.int().min(0).nullish(),
  rope_scaling: z.record(z.string(), z.unknown()).nullish(),
  rope_parameters: z.record(z.string(), z.unknown()).nullish(),
  quantization_config: z.undefined('quantised weights are not read').optional(),
});
type Source = z.output<typeof sourceSchema>;
const generationSchema = z.looseObject({ eos_token_id: eosIds });

/** Of how the source was stored, not of what it computes. */
const storageFields = ['torch_dtype', 'dtype', '_name_or_path', 'transformers_version', 'coconut'];

/**
 * `thoughts` makes a checkpoint that thinks so often unless a request says otherwise, with the
 * reference's markers; null leaves a plain language model as it is. Throws CheckpointError.
 */
export function readHuggingFace(
  dir: string,
  { thoughts }: { thoughts: number | null },
): CheckpointParts {
  const source = readJson(join(dir, 'config.json'), sourceSchema);
  const tensors = openStateDict(dir);
  const tokenizer = readHubTokenizer(dir);
  const thinks = thoughts !== null || tensors.isCoconut || hasMarkers(tokenizer.json);
  const marked = thinks ? withMarkers(tokenizer.json) : tokenizer.json;
  const generation = readOptionalJson(join(dir, 'generation_config.json'), generationSchema);
  const ends = endsOf(dir, source, generation?.eos_token_id, idOrNull(marked, tokenizer.eosToken));
  const bos = source.bos_token_id ?? null;
  const json = asSpecial(marked, [
    ...spellings(marked, [bos, ...ends.all]),
    ...Object.values(markers),
  ]);
  const config = modelConfigOf(dir, {
    ...normalised(source),
    vocab_size: tokenCount(json),
    tie_word_embeddings: isTied(dir, source, tensors),
    bos_token_id: bos,
    eos_token_id: ends.first,
    torch_dtype: 'float32',
    coconut: thinks ? thinking(json, tensors.isCoconut, thoughts ?? referenceThoughts) : pretrained,
  });
  return {
    config,
    weights: weightsOf(dir, config, tensors, { before: tokenCount(tokenizer.json), json }),
    tokenizerJson: json,
    chatTemplate: tokenizer.chatTemplate,
    generationConfig: { do_sample: false, ...generation, eos_token_id: ends.all },
    training: { imported: tensors.isCoconut ? 'facebookresearch/coconut' : 'transformers' },
    evalReport: null,
  };
}

/** One name for what transformers has called by several over the years. */
function normalised(source: Source): Record<string, unknown> {
  const kept = Object.entries(source).filter(([name]) => !storageFields.includes(name));
  const config = Object.fromEntries(kept);
  if (source.model_type === 'gpt2') return config;
  const { rope_theta, ...parameters } = { ...source.rope_parameters };
  const scaling = source.rope_scaling ?? parameters;
  const type = scaling['rope_type'] ?? scaling['type'] ?? 'default';
  delete config['rope_parameters'];
  return {
    num_key_value_heads: config['num_attention_heads'],
    ...(rope_theta === undefined ? {} : { rope_theta }),
    ...config,
    rope_scaling: type === 'default' ? null : { ...scaling, rope_type: type },
  };
}

function modelConfigOf(dir: string, fields: unknown): ModelConfig {
  const parsed = modelConfigSchema.safeParse(fields);
  if (parsed.success) return parsed.data;
  const reason = z.prettifyError(parsed.error);
  throw new CheckpointError(join(dir, 'config.json'), reason);
}

/** All that end an answer; the first is what the tokenizer calls <eos>, where it does. */
function endsOf(
  dir: string,
  { eos_token_id }: Source,
  generated: readonly number[] | null | undefined,
  own: number | null,
): { first: number; all: number[] } {
  const all = [...new Set([...(eos_token_id ?? []), ...(generated ?? [])])];
  if (all.length === 0 && own !== null) all.push(own);
  const first = own !== null && all.includes(own) ? own : all[0];
  if (first === undefined) throw new CheckpointError(dir, 'no file names an eos token');
  return { first, all: [first, ...all.filter((id) => id !== first)] };
}

function idOrNull(json: TokenizerJson, content: string | null): number | null {
  return content === null ? null : idOf(json, content);
}

function spellings(json: TokenizerJson, ids: readonly (number | null)[]): string[] {
  const added = json.added_tokens.map(({ content, id }) => [content, id] as const);
  return [...Object.entries(json.model.vocab), ...added]
    .filter(([, id]) => ids.includes(id))
    .map(([content]) => content);
}

function thinking(json: TokenizerJson, isCoconut: boolean, thoughts: number): CoconutConfig {
  return {
    ...pretrained,
    method: isCoconut ? 'coconut' : 'pretrained',
    filler: 'thought',
    // Which steps they stood for is not recorded: a stage each covers the same range of counts.
    thoughts_per_step: 1,
    max_stage: thoughts,
    default_thoughts: thoughts,
    bot_token_id: idOf(json, markers.bot),
    eot_token_id: idOf(json, markers.eot),
    answer_marker: isCoconut ? '### ' : '',
  };
}

const embeddingName = {
  gpt2: 'transformer.wte.weight',
  llama: 'model.embed_tokens.weight',
} as const;

/** transformers ties GPT-2 unless told otherwise, Llama only where told. A tied copy must be equal. */
function isTied(dir: string, source: Source, tensors: StateDict): boolean {
  const given = source['tie_word_embeddings'] ?? source.model_type === 'gpt2';
  const head = 'lm_head.weight';
  if (given !== true || !tensors.has(head)) return given === true;
  const embedding = tensors.read(embeddingName[source.model_type]);
  const rows = tensors.read(head);
  const index = rows.findIndex((value, i) => value !== embedding[i]);
  if (index === -1 && rows.length === embedding.length) return true;
  const reason = `${head} differs from the embedding, config.json says tie_word_embeddings`;
  throw new CheckpointError(dir, reason);
}

function weightsOf(
  dir: string,
  config: ModelConfig,
  tensors: StateDict,
  { before, json }: { before: number; json: TokenizerJson },
): CheckpointParts['weights'] {
  const { width, vocab } = dimensionsOf(config);
  // The reference trains its markers, and saves no tokenizer that would know them.
  const trained = tensors.isCoconut ? vocab : before;
  const byToken = new Set<string>([embeddingName[config.model_type], 'lm_head.weight']);
  for (const { name, shape } of parameterTable(config)) {
    const found = tensors.shapeOf(name);
    const rows = byToken.has(name) ? checkedRows(dir, name, found, trained) : null;
    const expected = rows === null ? shape : [rows, width];
    if (String(found) === String(expected)) continue;
    throw new CheckpointError(
      dir,
      `tensor "${name}" is [${found}], config.json asks for [${expected}]`,
    );
  }
  return {
    has: tensors.has,
    get: (name) =>
      byToken.has(name)
        ? resizedRows(tensors.read(name), { width, trained, tokens: vocab }, json)
        : tensors.read(name),
  };
}

function checkedRows(dir: string, name: string, [rows]: number[], trained: number): number {
  if (rows !== undefined && rows >= trained) return rows;
  const reason = `tensor "${name}" has ${rows} rows for ${trained} tokens`;
  throw new CheckpointError(dir, reason);
}
