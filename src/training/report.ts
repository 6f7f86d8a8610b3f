// A run directory → its report.html. Reads what the trainer and the evaluation left; changes neither.
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { replaceFile, standingDirectory } from '../model/atomic-write.ts';
import { readCheckpoint } from '../model/checkpoint.ts';
import { renderReport } from './report/page.ts';
import { parseMetrics } from './report/run-metrics.ts';
import { RunDirectory } from './run-directory.ts';
import { runOf } from './training-config.ts';

/**
 * Writes `report.html` beside the metrics and returns its path. A run under way may be reported, too.
 * @throws when the directory holds no metrics, or a line or checkpoint that this version cannot read
 */
export async function writeReport(runPath: string): Promise<string> {
  if (!existsSync(join(runPath, 'metrics.jsonl'))) {
    throw new Error(`${runPath}: no metrics.jsonl; give the directory of a run, e.g. out/tiny`);
  }
  const directory = new RunDirectory(runPath);
  const { checkpointPath } = directory;
  const checkpoint = existsSync(standingDirectory(checkpointPath))
    ? readCheckpoint(checkpointPath)
    : null;
  const page = await renderReport({
    name: basename(resolve(runPath)),
    metrics: parseMetrics(directory.readMetrics()),
    config: checkpoint && runOf(checkpoint),
    evalReport: checkpoint?.evalReport ?? null,
  });
  const path = join(runPath, 'report.html');
  replaceFile(path, page);
  return path;
}
