// The checkpoint directory, in Hugging Face's layout. Read strictly: what readCheckpoint returns can be served.
// Owns no training state (optimiser, progress); checkpoint-writer.ts writes it.
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { standingDirectory } from './atomic-write.ts';
import { type ChatTemplate, parseChatTemplate } from './chat-template.ts';
import { checkEosIds, checkFinite, checkTensors, checkTokenizer } from './checkpoint-checks.ts';
import {
  fileSha256,
  readJson,
  readOptionalJson,
  refuseAdapter,
  within,
} from './checkpoint-files.ts';
import { type EvalReport, evalReportSchema } from './eval-report.ts';
import { type GenerationConfig, generationConfigSchema } from './generation-config.ts';
import { type ModelConfig, modelConfigSchema } from './model-config.ts';
import { parameterTable } from './parameters.ts';
import { readHeader, readTensor } from './safetensors.ts';
import type { SafetensorsHeader } from './safetensors-header.ts';
import { loadTokenizer, type Tokenizer } from './tokenizer.ts';

const tokenizerConfigSchema = z.looseObject({ chat_template: z.string().min(1) });
export const trainingRecordSchema = z.record(z.string(), z.unknown());
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

/** What a graph is built from. */
export type ModelFiles = Pick<Checkpoint, 'config' | 'weightsPath' | 'header'>;

/** Of the directory what the engine's thread needs; a large tokenizer takes longer than all of it. */
export function readModelFiles(path: string): ModelFiles {
  const standing = standingDirectory(path);
  const config = readModelConfig(standing);
  return { config, ...findWeights(standing, config) };
}

function readModelConfig(standing: string): ModelConfig {
  refuseAdapter(standing);
  return readJson(join(standing, 'config.json'), modelConfigSchema);
}

function findWeights(standing: string, config: ModelConfig) {
  const weightsPath = join(standing, 'model.safetensors');
  const header = within(weightsPath, () => readHeader(weightsPath));
  checkTensors(weightsPath, header, parameterTable(config));
  return { weightsPath, header };
}

/** Reads and checks everything but the weights' values. Throws CheckpointError. */
export function readCheckpoint(path: string, id: string = basename(resolve(path))): Checkpoint {
  const standing = standingDirectory(path);
  const config = readModelConfig(standing);
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
  checkFinite(weightsPath, name, values);
  return values;
}
