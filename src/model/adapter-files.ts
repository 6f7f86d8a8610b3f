// The adapter directory, in the layout of Hugging Face's PEFT: adapter_config.json and adapter_model.safetensors, in
// half precision. Beside them what the merged model's config.json says, and how it was trained.
import { writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { type Adapted, adapterTable, type BaseReference, type LowRank } from './adapter.ts';
import { replaceDirectory, standingDirectory } from './atomic-write.ts';
import { type TrainingRecord, trainingRecordSchema } from './checkpoint.ts';
import { checkFinite, checkTensors } from './checkpoint-checks.ts';
import {
  adapterConfigFile,
  readJson,
  readOptionalJson,
  toJson,
  within,
} from './checkpoint-files.ts';
import { type EvalReport, evalReportSchema } from './eval-report.ts';
import { modelCard } from './model-card.ts';
import { dimensionsOf, type ModelConfig, modelConfigSchema } from './model-config.ts';
import type { ParameterKind } from './parameters.ts';
import { readHeader, readTensors, writeSafetensors } from './safetensors.ts';

export const adapterFiles = {
  config: adapterConfigFile,
  weights: 'adapter_model.safetensors',
  /** Not `config.json`: the directory alone is no model. */
  merged: 'merged_config.json',
} as const;

export type Adapter = {
  /** Of the model that it makes of its base. */
  config: ModelConfig;
  lowRank: LowRank;
  base: BaseReference;
  /** By the names of adapterTable. */
  weights: ReadonlyMap<string, Float32Array>;
  training: TrainingRecord;
  evalReport: EvalReport | null;
};

/** As PEFT wraps a causal model. */
const prefix = 'base_model.model.';

const configSchema = z.looseObject({
  peft_type: z.literal('LORA'),
  base_model_name_or_path: z.string(),
  base_model_sha256: z.string(),
  r: z.int().min(1),
  lora_alpha: z.number().positive(),
});

/** Writes the whole directory, replacing what stands at `path`; numbers are rounded to half precision. */
export function writeAdapter(
  path: string,
  adapter: Omit<Adapter, 'evalReport'>,
  base: ModelConfig,
): void {
  const { config, lowRank, training, weights } = adapter;
  const adapted: Adapted = { config, base, lowRank };
  const table = adapterTable(adapted);
  replaceDirectory(path, (staging) => {
    const json = (name: string, value: unknown): void =>
      writeFileSync(join(staging, name), toJson(value));
    const tensors = new Map(
      table.map(({ name, shape }) => [
        `${prefix}${name}`,
        { shape, data: weights.get(name)!, dtype: 'F16' as const },
      ]),
    );
    writeSafetensors(join(staging, adapterFiles.weights), tensors, { format: 'pt' });
    json(adapterFiles.config, peftConfig(adapted, adapter.base));
    json(adapterFiles.merged, config);
    json('training.json', training);
    const card = { id: basename(resolve(path)), config, training, base: adapter.base };
    writeFileSync(join(staging, 'README.md'), modelCard({ ...card, evalReport: null }));
  });
}

function peftConfig(adapted: Adapted, { path, sha256 }: BaseReference) {
  const { config, base, lowRank } = adapted;
  const [vocab, known] = [dimensionsOf(config).vocab, dimensionsOf(base).vocab];
  const added = Array.from({ length: vocab - known }, (_, i) => known + i);
  const modules = (wanted: ParameterKind): string[] => {
    const rows = adapterTable(adapted).filter(({ kind }) => kind === wanted);
    return [...new Set(rows.map(({ name }) => name.split('.').at(-3)!))].sort();
  };
  const tables = modules('embedding');
  return {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: path,
    base_model_sha256: sha256,
    r: lowRank.rank,
    lora_alpha: lowRank.alpha,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: config.model_type === 'gpt2',
    target_modules: modules('matrix'),
    trainable_token_indices:
      tables.length > 0 ? Object.fromEntries(tables.map((table) => [table, added])) : null,
    inference_mode: true,
  };
}

/** Throws CheckpointError. */
export function readAdapter(path: string): Adapter {
  const standing = standingDirectory(path);
  const config = readJson(join(standing, adapterFiles.merged), modelConfigSchema);
  const peft = readJson(join(standing, adapterFiles.config), configSchema);
  const weightsPath = join(standing, adapterFiles.weights);
  const stored = within(weightsPath, () => readTensors(weightsPath, readHeader(weightsPath)));
  const training = readJson(join(standing, 'training.json'), trainingRecordSchema);
  return {
    config,
    lowRank: { rank: peft.r, alpha: peft.lora_alpha },
    base: { path: peft.base_model_name_or_path, sha256: peft.base_model_sha256 },
    weights: new Map([...stored].map(([name, data]) => [name.replace(prefix, ''), data])),
    training,
    evalReport: readOptionalJson(join(standing, 'eval.json'), evalReportSchema),
  };
}

/** @throws CheckpointError where the adapter is not one of this model over this base */
export function checkAdapter(path: string, { weights }: Adapter, adapted: Adapted): void {
  const standing = standingDirectory(path);
  const file = join(standing, adapterFiles.weights);
  const table = within(join(standing, adapterFiles.merged), () => adapterTable(adapted));
  const stored = table.map((row) => ({ ...row, name: `${prefix}${row.name}` }));
  checkTensors(file, readHeader(file), stored);
  for (const [name, values] of weights) checkFinite(file, name, values);
}
