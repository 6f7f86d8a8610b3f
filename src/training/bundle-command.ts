// `bundle`: a finished run → a checkpoint directory to keep and quote: what serves it, in half precision where asked, its
// record (run file, seed, counts: training.json), its figures if they are of these weights, and its log, thinned.
import { copyFileSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { replaceDirectory, standingDirectory } from '../model/atomic-write.ts';
import { type Checkpoint, readCheckpoint, readWeights } from '../model/checkpoint.ts';
import { readOptionalJson } from '../model/checkpoint-files.ts';
import { writeWeights } from '../model/checkpoint-writer.ts';
import { type EvalReport, evalReportSchema } from '../model/eval-report.ts';
import { modelCard } from '../model/model-card.ts';
import { thinMetrics } from './metrics-thinning.ts';
import { RunDirectory } from './run-directory.ts';
import { totalSteps } from './schedule.ts';
import { runOf } from './training-config.ts';

/** Above this a checkpoint does not belong into a repository. */
const MAX_WEIGHTS_BYTES = 12e6;

const METRICS_LINES = 1000;

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
  const checkpoint = bundleRun(runPath, target, { half, maxWeightsBytes: MAX_WEIGHTS_BYTES });
  const { data } = runOf(checkpoint);
  console.log(`${target}: ${basename(runPath)}, sha256 ${checkpoint.sha256}`);
  if (checkpoint.evalReport) return;
  console.log(`figures: npm run eval -- ${target} ${data.validation} --kind ${data.kind}`);
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
  const source = standingDirectory(join(runPath, 'checkpoint'));
  if (!existsSync(source)) throw new Error(`${runPath} has no checkpoint yet: train it first`);
  const checkpoint = readCheckpoint(source);
  checkFinished(checkpoint);
  const log = thinMetrics(new RunDirectory(runPath).readMetrics(), METRICS_LINES);
  const files = readdirSync(dirname(checkpoint.weightsPath)).filter((name) => name !== 'eval.json');
  replaceDirectory(target, (staging) => {
    for (const name of files) copyFileSync(join(source, name), join(staging, name));
    if (half) writeHalf(checkpoint, staging);
    const kept = readCheckpoint(staging);
    checkWeights(kept, runPath, maxWeightsBytes);
    const { config, training } = kept;
    const evalReport = figuresOf(kept.sha256, checkpoint.evalReport, target);
    const write = (name: string, text: string) => writeFileSync(join(staging, name), text);
    write('metrics.jsonl', log.map((line) => `${JSON.stringify(line)}\n`).join(''));
    write('README.md', modelCard({ id: basename(resolve(target)), config, training, evalReport }));
    if (evalReport) write('eval.json', `${JSON.stringify(evalReport, null, 2)}\n`);
  });
  return readCheckpoint(target);
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
  writeFileSync(join(dir, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
}

/** @throws where they are too large to keep, or a value is beyond what half precision reaches */
function checkWeights(kept: Checkpoint, runPath: string, maxBytes: number): void {
  const bytes = statSync(kept.weightsPath).size;
  if (bytes > maxBytes) {
    const megabytes = (n: number): string => `${(n / 1e6).toFixed(1)} MB`;
    throw new Error(
      `weights of ${runPath}: ${megabytes(bytes)}, more than the ${megabytes(maxBytes)} that are kept`,
    );
  }
  readWeights(kept);
}

/** Of these weights: the run's own, or those that the directory to be replaced already has. */
function figuresOf(sha256: string, own: EvalReport | null, target: string): EvalReport | null {
  const before = readOptionalJson(join(standingDirectory(target), 'eval.json'), evalReportSchema);
  return [own, before].find((report) => report?.checkpoint_sha256 === sha256) ?? null;
}
