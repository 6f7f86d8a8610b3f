// `bundle`: a finished run → a directory to keep and quote: the checkpoint that serves it, in half precision where asked, or the
// adapter that makes one of its base; its record (run file, seed, counts: training.json), its figures if they are of these
// weights, and its log, thinned.
import { copyFileSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Adapter, adapterFiles, readAdapter } from '../model/adapter-files.ts';
import { replaceDirectory, standingDirectory } from '../model/atomic-write.ts';
import { type Checkpoint, readCheckpoint, readWeights } from '../model/checkpoint.ts';
import { readOptionalJson, toJson } from '../model/checkpoint-files.ts';
import { writeWeights } from '../model/checkpoint-writer.ts';
import { type EvalReport, evalReportSchema } from '../model/eval-report.ts';
import { type CardSource, modelCard } from '../model/model-card.ts';
import { thinMetrics } from './metrics-thinning.ts';
import { RunDirectory } from './run-directory.ts';
import { totalSteps } from './schedule.ts';
import { runOf } from './training-config.ts';

/** Above this weights do not belong into a repository. */
const MAX_WEIGHTS_BYTES = 12e6;

const METRICS_LINES = 400;

export type BundleOptions = {
  /** Rounds the weights to half precision, so that figures of the run's own are not of them. */
  half: boolean;
  maxWeightsBytes: number;
};

export function bundleCommand(
  runPath: string,
  target: string,
  { half = false }: { half?: boolean },
): void {
  const checkpoint = finishedCheckpoint(runPath);
  const { data, lora } = runOf(checkpoint);
  if (lora && half) throw new Error('--half: an adapter is kept in half precision as it is');
  const limits = { half, maxWeightsBytes: MAX_WEIGHTS_BYTES };
  const { sha256, evalReport } = lora
    ? { ...bundleAdapter(runPath, target, MAX_WEIGHTS_BYTES), sha256: checkpoint.sha256 }
    : bundleRun(runPath, target, limits);
  console.log(`${target}: ${basename(runPath)}, sha256 ${sha256}${lora ? ' merged' : ''}`);
  if (evalReport) return;
  const [measured, again] = lora ? [checkpoint.dir, ', then this again'] : [target, ''];
  console.log(
    `figures: npm run eval -- ${measured} ${data.validation} --kind ${data.kind}${again}`,
  );
}

/**
 * Replaces `target`. @throws for a run that has no checkpoint, has not come to its end, or weighs too much
 * @returns what now stands there
 */
export function bundleRun(
  runPath: string,
  target: string,
  { half, maxWeightsBytes }: BundleOptions,
): Checkpoint {
  const checkpoint = finishedCheckpoint(runPath);
  replaceDirectory(target, (staging) => {
    copyFiles(dirname(checkpoint.weightsPath), staging);
    if (half) writeHalf(checkpoint, staging);
    const kept = readCheckpoint(staging);
    checkSize(kept.weightsPath, runPath, maxWeightsBytes);
    readWeights(kept); // a value may be beyond what half precision reaches
    const evalReport = figuresOf(kept.sha256, checkpoint.evalReport, target);
    accompany(staging, runPath, { ...kept, id: idOf(target), evalReport });
  });
  return readCheckpoint(target);
}

/**
 * The same for a run that trained an adapter: that is kept, with the figures of the checkpoint that it makes of its base.
 * @throws also where adapter and checkpoint are not of one step
 */
export function bundleAdapter(runPath: string, target: string, maxWeightsBytes: number): Adapter {
  const checkpoint = finishedCheckpoint(runPath);
  const source = standingDirectory(join(runPath, 'adapter'));
  const adapter = readAdapter(source);
  if (JSON.stringify(adapter.training) !== JSON.stringify(checkpoint.training))
    throw new Error(`${source} and ${checkpoint.dir} are not of one step: train it to its end`);
  replaceDirectory(target, (staging) => {
    copyFiles(source, staging);
    checkSize(join(staging, adapterFiles.weights), runPath, maxWeightsBytes);
    const evalReport = figuresOf(checkpoint.sha256, checkpoint.evalReport, target);
    accompany(staging, runPath, { ...adapter, id: idOf(target), evalReport });
  });
  return readAdapter(target);
}

const idOf = (target: string): string => basename(resolve(target));

function finishedCheckpoint(runPath: string): Checkpoint {
  const source = standingDirectory(join(runPath, 'checkpoint'));
  if (!existsSync(source)) throw new Error(`${runPath} has no checkpoint yet: train it first`);
  const checkpoint = readCheckpoint(source);
  checkFinished(checkpoint);
  return checkpoint;
}

/** All but figures, which may be of other weights. */
function copyFiles(source: string, staging: string): void {
  const files = readdirSync(source).filter((name) => name !== 'eval.json');
  for (const name of files) copyFileSync(join(source, name), join(staging, name));
}

/** Log, figures and model card. */
function accompany(staging: string, runPath: string, card: CardSource): void {
  const log = thinMetrics(new RunDirectory(runPath).readMetrics(), METRICS_LINES);
  const write = (name: string, text: string) => writeFileSync(join(staging, name), text);
  write('metrics.jsonl', log.map((line) => `${JSON.stringify(line)}\n`).join(''));
  write('README.md', modelCard(card));
  if (card.evalReport) write('eval.json', toJson(card.evalReport));
}

function checkFinished(checkpoint: Checkpoint): void {
  const planned = totalSteps(runOf(checkpoint));
  const { trainStep } = checkpoint.training;
  if (trainStep === planned) return;
  throw new Error(`${checkpoint.dir}: ${trainStep} of ${planned} train steps done`);
}

function writeHalf(checkpoint: Checkpoint, dir: string): void {
  const config = { ...checkpoint.config, torch_dtype: 'float16' };
  writeWeights(join(dir, 'model.safetensors'), config, readWeights(checkpoint), 'F16');
  writeFileSync(join(dir, 'config.json'), toJson(config));
}

function checkSize(weightsPath: string, runPath: string, maxBytes: number): void {
  const bytes = statSync(weightsPath).size;
  if (bytes <= maxBytes) return;
  const megabytes = (n: number): string => `${(n / 1e6).toFixed(1)} MB`;
  throw new Error(
    `weights of ${runPath}: ${megabytes(bytes)}, more than the ${megabytes(maxBytes)} that are kept`,
  );
}

/** Of these weights: the run's own, or those that the directory to be replaced already has. */
function figuresOf(sha256: string, own: EvalReport | null, target: string): EvalReport | null {
  const before = readOptionalJson(join(standingDirectory(target), 'eval.json'), evalReportSchema);
  return [own, before].find((report) => report?.checkpoint_sha256 === sha256) ?? null;
}
