// `bundle`: a finished run → a checkpoint directory to keep and quote: what serves it, its record (run file, seed,
// counts: training.json), its figures if they are of these weights, and its log, thinned.
import { copyFileSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { replaceDirectory, standingDirectory } from '../model/atomic-write.ts';
import { type Checkpoint, readCheckpoint } from '../model/checkpoint.ts';
import { readOptionalJson } from '../model/checkpoint-files.ts';
import { type EvalReport, evalReportSchema } from '../model/eval-report.ts';
import { modelCard } from '../model/model-card.ts';
import { thinMetrics } from './metrics-thinning.ts';
import { RunDirectory } from './run-directory.ts';
import { totalSteps } from './schedule.ts';
import { runOf } from './training-config.ts';

/** Above this a checkpoint does not belong into a repository. */
const MAX_WEIGHTS_BYTES = 12e6;

const METRICS_LINES = 1000;

export function bundleCommand(runPath: string, target: string): void {
  const checkpoint = bundleRun(runPath, target, MAX_WEIGHTS_BYTES);
  const { data } = runOf(checkpoint);
  console.log(`${target}: ${basename(runPath)}, sha256 ${checkpoint.sha256}`);
  if (checkpoint.evalReport) return;
  console.log(`figures: npm run eval -- ${target} ${data.validation} --kind ${data.kind}`);
}

/**
 * Replaces `target`. @throws for a run that has no checkpoint, has not come to its end, or weighs too much
 * @returns what now stands there
 */
export function bundleRun(runPath: string, target: string, maxWeightsBytes: number): Checkpoint {
  const source = standingDirectory(join(runPath, 'checkpoint'));
  if (!existsSync(source)) throw new Error(`${runPath} has no checkpoint yet: train it first`);
  const checkpoint = readCheckpoint(source);
  checkFinished(checkpoint);
  const bytes = statSync(checkpoint.weightsPath).size;
  if (bytes > maxWeightsBytes) {
    const megabytes = (n: number): string => `${(n / 1e6).toFixed(1)} MB`;
    throw new Error(
      `${checkpoint.weightsPath}: ${megabytes(bytes)}, more than the ${megabytes(maxWeightsBytes)} that are kept`,
    );
  }
  const evalReport = figuresOf(checkpoint, target);
  const log = thinMetrics(new RunDirectory(runPath).readMetrics(), METRICS_LINES);
  const { config, training } = checkpoint;
  const files = readdirSync(dirname(checkpoint.weightsPath));
  replaceDirectory(target, (staging) => {
    for (const name of files) copyFileSync(join(source, name), join(staging, name));
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

/** Of these weights: the run's own, or those that the directory to be replaced already has. */
function figuresOf(checkpoint: Checkpoint, target: string): EvalReport | null {
  const before = readOptionalJson(join(standingDirectory(target), 'eval.json'), evalReportSchema);
  const reports = [checkpoint.evalReport, before];
  return reports.find((report) => report?.checkpoint_sha256 === checkpoint.sha256) ?? null;
}
