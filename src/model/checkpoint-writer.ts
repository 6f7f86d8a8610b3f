// Writes a checkpoint directory, as a whole or not at all, and new figures into one.
import { writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { replaceDirectory, replaceFile } from './atomic-write.ts';
import { type Checkpoint, readCheckpoint, readWeight, type TrainingRecord } from './checkpoint.ts';
import { CheckpointError, toJson, within } from './checkpoint-files.ts';
import { type EvalReport, evalReportSchema } from './eval-report.ts';
import { modelCard } from './model-card.ts';
import { dimensionsOf, type ModelConfig } from './model-config.ts';
import { parameterTable } from './parameters.ts';
import { type FloatTensor, writeSafetensors } from './safetensors.ts';
import { loadTokenizer, type Tokenizer } from './tokenizer.ts';

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
    writeWeights(file('model.safetensors'), config, weights, 'F32');
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

/** The parameters of `config`; F16 rounds them. Throws CheckpointError where one has no values, or not as many. */
export function writeWeights(
  path: string,
  config: ModelConfig,
  weights: CheckpointParts['weights'],
  dtype: NonNullable<FloatTensor['dtype']>,
): void {
  const tensors = new Map<string, FloatTensor>();
  for (const { name, shape } of parameterTable(config)) {
    if (!weights.has(name)) throw new CheckpointError(path, `no values for tensor "${name}"`);
    tensors.set(name, {
      shape,
      dtype,
      get data() {
        return weights.get(name)!;
      },
    });
  }
  // transformers refuses a file that does not say which framework's layout it has.
  within(path, () => writeSafetensors(path, tensors, { format: 'pt' }));
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
