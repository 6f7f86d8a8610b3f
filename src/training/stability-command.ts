// `stability`: variants of one small run, each under several seeds → what their borders and gradients did, in a table.
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { replaceFile } from '../model/atomic-write.ts';
import { toMarkdown } from './report/comparison.ts';
import { parseMetrics } from './report/run-metrics.ts';
import { stabilityOf, stabilityRows } from './report/stability.ts';
import { RunDirectory } from './run-directory.ts';
import { totalSteps } from './schedule.ts';
import { withSeed } from './train-command.ts';
import { trainToEnd } from './train-run.ts';
import { readTrainingConfig, type TrainingConfig } from './training-config.ts';
import { untilStopped } from './until-stopped.ts';

type StabilityOptions = {
  seeds: number[];
  /** out/<folder's name> and docs/<folder's name>, unless they are given. */
  out?: string;
  write?: string;
  train?: boolean;
  title?: string;
};

const TITLE = 'Stability of training';

type SeededRun = { variant: string; config: TrainingConfig; path: string };

export async function stabilityCommand(folder: string, options: StabilityOptions): Promise<void> {
  const { seeds, train = false } = options;
  const { out = join('out', basename(folder)), write = join('docs', basename(folder)) } = options;
  const runs = seededRuns(folder, seeds, out);
  if (train && (await untilStopped((stop) => trainAll(runs, stop))) === 'stopped') return;
  const finished = runs.filter(isFinished);
  if (finished.length === 0)
    throw new Error(`none of ${runs.length} runs is finished in ${out}: give --train`);
  const table = stabilityRows(
    finished.map(({ variant, path }) => ({
      variant,
      stability: stabilityOf(parseMetrics(new RunDirectory(path).readMetrics())),
    })),
  );
  replaceFile(`${write}.json`, `${JSON.stringify(table, null, 1)}\n`);
  replaceFile(`${write}.md`, page(folder, options, toMarkdown(table)));
  console.log(toMarkdown(table));
}

async function trainAll(runs: readonly SeededRun[], stop: AbortSignal) {
  for (const { config, path } of runs)
    if ((await trainToEnd(config, path, { stop })) === 'stopped') return 'stopped';
  return 'finished';
}

function seededRuns(folder: string, seeds: readonly number[], out: string): SeededRun[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  if (files.length === 0) throw new Error(`${folder} holds no run file`);
  return files.sort().flatMap((file) => {
    const run = readTrainingConfig(join(folder, file));
    return seeds.map((seed) => {
      const config = withSeed(run, seed);
      return { variant: file.replace(/\.json$/, ''), config, path: join(out, config.name) };
    });
  });
}

function isFinished({ config, path }: SeededRun): boolean {
  const trained = existsSync(path) ? new RunDirectory(path).readMetrics() : [];
  const done = trained.at(-1)?.trainStep ?? 0;
  if (done === totalSteps(config)) return true;
  console.warn(`${config.name}: ${done} of ${totalSteps(config)} train steps, left out`);
  return false;
}

function page(folder: string, { seeds, title }: StabilityOptions, table: string): string {
  const asked = [folder, '--seeds', seeds.join(','), ...(title ? ['--title', `"${title}"`] : [])];
  return `# ${title ?? TITLE}

Written by \`npm run stability -- ${asked.join(' ')}\`; the runs differ only in what their names say.

${table}

Mean ± standard deviation over the seeds. Loss jump: the text's loss over the first 10 train steps of a stage over that
of the last 10 of the stage before; the worst border of each run. Recovered: the loss came back to where it was within the stage.
Gradient norms are measured before clipping; a spike is more than 4 times the median of its segment.
`;
}
