// The checkpoint directory, in Hugging Face's layout. Read strictly: what readCheckpoint returns
// can be served. Written as a whole or not at all. Owns no training state (optimiser, progress).
import { writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { replaceDirectory, replaceFile, standingDirectory } from './atomic-write.ts';
import { type ChatTemplate, parseChatTemplate } from './chat-template.ts';
import {
  CheckpointError,
  fileSha256,
  readJson,
  readOptionalJson,
  within,
} from './checkpoint-files.ts';
import { type EvalReport, evalReportSchema } from './eval-report.ts';
import { modelCard } from './model-card.ts';
import { dimensionsOf, type ModelConfig, modelConfigSchema } from './model-config.ts';
import { parameterTable } from './parameters.ts';
import { type FloatTensor, readHeader, readTensor, writeSafetensors } from './safetensors.ts';
import { floatDtypes, type SafetensorsHeader } from './safetensors-header.ts';
import { loadTokenizer, type Tokenizer } from './tokenizer.ts';

const tokenizerConfigSchema = z.looseObject({ chat_template: z.string().min(1) });
const trainingRecordSchema = z.record(z.string(), z.unknown());
/** One id, or several: chat models often end a turn and a text with different tokens. */
export const eosIdsSchema = z
  .union([z.int().min(0), z.array(z.int().min(0)).min(1)])
  .transform((ids) => [ids].flat());
const generationConfigSchema = z
  .looseObject({
    do_sample: z.boolean().optional(),
    temperature: z.number().min(0).max(2).optional(),
    top_p: z.number().gt(0).max(1).optional(),
    max_new_tokens: z.int().min(1).optional(),
    eos_token_id: eosIdsSchema.optional(),
  })
  // Hugging Face says "greedy" without a temperature, which it would warn about.
  .transform((config) => (config.do_sample === false ? { ...config, temperature: 0 } : config));

/** Sampling defaults; a field that is absent leaves the choice to the server. */
export type GenerationConfig = z.output<typeof generationConfigSchema>;
/** What the trainer knows about its run (config, seeds, data hashes, updates); free in form. */
export type TrainingRecord = z.output<typeof trainingRecordSchema>;

export type Checkpoint = {
  /** As it was asked for; the files may stand in its predecessor after a crash. */
  dir: string;
  /** The model id that the API serves it under: the directory's name, or the hub's. */
  id: string;
  config: ModelConfig;
  weightsPath: string;
  header: SafetensorsHeader;
  tokenizer: Tokenizer;
  /** Jinja source, and parsed. */
  chatTemplate: string;
  template: ChatTemplate;
  generationConfig: GenerationConfig;
  /** Tokens that end an answer: config.json's, and further ones of generation_config.json. */
  eosIds: number[];
  training: TrainingRecord;
  evalReport: EvalReport | null;
  /** sha256 of model.safetensors, in hex; the file is hashed on first use. */
  readonly sha256: string;
};

/** What a checkpoint is written from; everything else in the directory follows from it. */
export type CheckpointParts = {
  config: ModelConfig;
  /** By Hugging Face name, row-major, shaped as parameterTable(config) says; each is got once. */
  weights: Pick<ReadonlyMap<string, Float32Array>, 'has' | 'get'>;
  /** Content of tokenizer.json. */
  tokenizerJson: unknown;
  /** Jinja source. */
  chatTemplate: string;
  /** Greedy, and config.json's <eos>, where it is left out. */
  generationConfig?: Record<string, unknown>;
  training: TrainingRecord;
  evalReport: EvalReport | null;
};

/** What a graph is built from. */
export type ModelFiles = Pick<Checkpoint, 'config' | 'weightsPath' | 'header'>;

/** Of the directory what the engine's thread needs; a large tokenizer takes longer than all of it. */
export function readModelFiles(path: string): ModelFiles {
  const standing = standingDirectory(path);
  const config = readJson(join(standing, 'config.json'), modelConfigSchema);
  return { config, ...findWeights(standing, config) };
}

function findWeights(standing: string, config: ModelConfig) {
  const weightsPath = join(standing, 'model.safetensors');
  const header = within(weightsPath, () => readHeader(weightsPath));
  checkTensors(weightsPath, header, config);
  return { weightsPath, header };
}

/** Reads and checks everything but the weights' values. Throws CheckpointError. */
export function readCheckpoint(path: string, id: string = basename(resolve(path))): Checkpoint {
  const standing = standingDirectory(path);
  const config = readJson(join(standing, 'config.json'), modelConfigSchema);
  const tokenizerConfigPath = join(standing, 'tokenizer_config.json');
  const tokenizerConfig = readJson(tokenizerConfigPath, tokenizerConfigSchema);
  const tokenizerPath = join(standing, 'tokenizer.json');
  const tokenizerJson = readJson(tokenizerPath, z.unknown());
  const tokenizer = within(tokenizerPath, () => loadTokenizer(tokenizerJson, tokenizerConfig));
  checkTokenizer(tokenizerPath, tokenizer, config);
  const chatTemplate = tokenizerConfig.chat_template;
  const template = within(tokenizerConfigPath, () => parseChatTemplate(chatTemplate));
  const generationPath = join(standing, 'generation_config.json');
  const generationConfig = readJson(generationPath, generationConfigSchema);
  const eosIds = [...new Set([config.eos_token_id, ...(generationConfig.eos_token_id ?? [])])];
  checkEosIds(generationPath, tokenizer, eosIds);
  const { weightsPath, header } = findWeights(standing, config);
  let sha256: string | null = null;
  return {
    dir: path,
    id,
    config,
    weightsPath,
    header,
    tokenizer,
    chatTemplate,
    template,
    generationConfig,
    eosIds,
    training: readJson(join(standing, 'training.json'), trainingRecordSchema),
    evalReport: readOptionalJson(join(standing, 'eval.json'), evalReportSchema),
    get sha256() {
      sha256 ??= fileSha256(weightsPath);
      return sha256;
    },
  };
}

/** Every parameter by name, row-major. Throws CheckpointError where a value is NaN or infinite. */
export function readWeights(checkpoint: Checkpoint): Map<string, Float32Array> {
  return new Map(
    [...checkpoint.header.tensors.keys()].map((name) => [name, readWeight(checkpoint, name)]),
  );
}

/** One parameter. Throws CheckpointError where it is missing, or a value is NaN or infinite. */
export function readWeight({ weightsPath, header }: Checkpoint, name: string): Float32Array {
  const values = within(weightsPath, () => readTensor(weightsPath, header, name));
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index === -1) return values;
  const reason = `tensor "${name}" is ${values[index]} at index ${index} of ${values.length}`;
  throw new CheckpointError(weightsPath, reason);
}

/**
 * Writes the whole directory, replacing what stands at `path`. It is read back before it takes the
 * place: a checkpoint that cannot be served never replaces one that can. Throws CheckpointError.
 */
export function writeCheckpoint(path: string, parts: CheckpointParts): void {
  const { config, weights, tokenizerJson, chatTemplate, training, evalReport } = parts;
  const id = basename(resolve(path));
  replaceDirectory(path, (staging) => {
    const file = (name: string) => join(staging, name);
    const tokenizer = within(file('tokenizer.json'), () => loadTokenizer(tokenizerJson, {}));
    const weightsPath = file('model.safetensors');
    const tensors = shapedWeights(weightsPath, config, weights);
    // transformers refuses a file that does not say which framework's layout it has.
    within(weightsPath, () => writeSafetensors(weightsPath, tensors, { format: 'pt' }));
    writeFileSync(file('config.json'), toJson(config));
    writeFileSync(file('tokenizer.json'), toJson(tokenizerJson));
    const tokenizerConfig = toTokenizerConfig(config, tokenizer, chatTemplate);
    writeFileSync(file('tokenizer_config.json'), toJson(tokenizerConfig));
    const greedy = { do_sample: false, eos_token_id: config.eos_token_id };
    writeFileSync(file('generation_config.json'), toJson(parts.generationConfig ?? greedy));
    writeFileSync(file('training.json'), toJson(training));
    if (evalReport !== null) writeFileSync(file('eval.json'), toJson(evalReport));
    writeFileSync(file('README.md'), modelCard({ id, config, training, evalReport }));
    const written = readCheckpoint(staging);
    // One at a time: a large model fits into memory once, not twice.
    for (const name of written.header.tensors.keys()) readWeight(written, name);
  });
}

/** Puts new figures into eval.json and the model card. They must be of these very weights. */
export function writeEvalReport(checkpoint: Checkpoint, report: EvalReport): void {
  const { id, config, training } = checkpoint;
  const dir = dirname(checkpoint.weightsPath);
  const path = join(dir, 'eval.json');
  if (report.checkpoint_sha256 !== checkpoint.sha256) {
    const reason = `figures of ${report.checkpoint_sha256}, the weights are ${checkpoint.sha256}`;
    throw new CheckpointError(path, reason);
  }
  replaceFile(path, toJson(evalReportSchema.parse(report)));
  replaceFile(join(dir, 'README.md'), modelCard({ id, config, training, evalReport: report }));
}

function checkTokenizer(path: string, tokenizer: Tokenizer, config: ModelConfig): void {
  if (tokenizer.vocabSize !== config.vocab_size) {
    const reason = `${tokenizer.vocabSize} tokens, config.json says vocab_size ${config.vocab_size}`;
    throw new CheckpointError(path, reason);
  }
  const { bot_token_id, eot_token_id, pause_token_id } = config.coconut;
  const { bos_token_id, eos_token_id } = config;
  const markers = { bos_token_id, eos_token_id, bot_token_id, eot_token_id, pause_token_id };
  const holders = new Map<number, string>();
  for (const [name, id] of Object.entries(markers)) {
    if (id === null) continue;
    if (!tokenizer.isSpecial(id)) {
      const reason = `${name} ${id} of config.json is "${tokenizer.tokenOf(id)}", no special token`;
      throw new CheckpointError(path, reason);
    }
    const holder = holders.get(id);
    // GPT-2 itself ends and begins texts with one token; a marker shares its id with nothing.
    if (holder !== undefined && !(holder === 'bos_token_id' && name === 'eos_token_id')) {
      throw new CheckpointError(path, `${holder} and ${name} of config.json are both ${id}`);
    }
    holders.set(id, name);
  }
}

function checkEosIds(path: string, tokenizer: Tokenizer, ids: readonly number[]): void {
  const plain = ids.find((id) => !tokenizer.isSpecial(id));
  if (plain === undefined) return;
  const reason = `eos_token_id ${plain} is "${tokenizer.tokenOf(plain)}", no special token`;
  throw new CheckpointError(path, reason);
}

function checkTensors(path: string, { tensors }: SafetensorsHeader, config: ModelConfig): void {
  const table = parameterTable(config);
  const unexpected = new Set(tensors.keys());
  for (const { name, shape } of table) {
    const entry = tensors.get(name);
    if (entry === undefined) throw new CheckpointError(path, `tensor "${name}" is missing`);
    if (entry.shape.length !== shape.length || entry.shape.some((dim, i) => dim !== shape[i])) {
      const reason = `tensor "${name}" is [${entry.shape}], config.json asks for [${shape}]`;
      throw new CheckpointError(path, reason);
    }
    if (!floatDtypes.includes(entry.dtype)) {
      throw new CheckpointError(path, `tensor "${name}" is ${entry.dtype}, none of ${floatDtypes}`);
    }
    unexpected.delete(name);
  }
  const [extra] = unexpected;
  if (extra !== undefined) {
    throw new CheckpointError(path, `tensor "${extra}" is none of the ${table.length} parameters`);
  }
}

function shapedWeights(
  path: string,
  config: ModelConfig,
  weights: CheckpointParts['weights'],
): Map<string, FloatTensor> {
  const tensors = new Map<string, FloatTensor>();
  for (const { name, shape } of parameterTable(config)) {
    if (!weights.has(name)) throw new CheckpointError(path, `no values for tensor "${name}"`);
    tensors.set(name, {
      shape,
      get data() {
        return weights.get(name)!;
      },
    });
  }
  return tensors;
}

function toTokenizerConfig(config: ModelConfig, tokenizer: Tokenizer, chatTemplate: string) {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    model_max_length: dimensionsOf(config).positions,
    clean_up_tokenization_spaces: false,
    bos_token: config.bos_token_id === null ? null : tokenizer.tokenOf(config.bos_token_id),
    eos_token: tokenizer.tokenOf(config.eos_token_id),
    chat_template: chatTemplate,
  };
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
