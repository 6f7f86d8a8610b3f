// What table, inspect and stability keep, and the checkpoints' logs → one page. Measures nothing itself.
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../model/atomic-write.ts';
import { adapterDirs } from '../model/checkpoint-dirs.ts';
import { readOptionalJson } from '../model/checkpoint-files.ts';
import { type Inspection, readInspections } from './inspect/inspection.ts';
import { type Measurement, readMeasurements } from './measurement.ts';
import { type Overview, renderOverview } from './report/overview-page.ts';
import { parseMetrics } from './report/run-metrics.ts';
import { RunDirectory } from './run-directory.ts';
import { plannedRuns } from './table-command.ts';

export type OverviewOptions = { docs: string; models: string; runs: string; out: string };

/** @throws where `table` has measured nothing yet */
export async function writeOverview({ docs, models, runs, out }: OverviewOptions): Promise<string> {
  const measurements = readMeasurements(join(docs, 'comparison.json'));
  if (measurements.length === 0)
    throw new Error(`${docs}/comparison.json holds no measurement: npm run table`);
  const page = await renderOverview({
    measurements,
    planned: plannedRuns(runs),
    inspections: inspectionsOf(join(docs, 'inspection.json'), measurements),
    logs: logsIn(models),
    stability: readOptionalJson(join(docs, 'stability.json'), tableSchema),
  });
  mkdirSync(dirname(out), { recursive: true });
  replaceFile(out, page);
  return out;
}

/** Those of the weights that were measured; what was seen in earlier ones is left out, and said. */
function inspectionsOf(path: string, measurements: readonly Measurement[]): Inspection[] {
  const weights = new Map(measurements.map(({ checkpoint, sha256 }) => [checkpoint, sha256]));
  return readInspections(path).filter(({ checkpoint, sha256 }) => {
    const isCurrent = (weights.get(checkpoint) ?? sha256) === sha256;
    if (!isCurrent) console.warn(`${checkpoint}: ${path} is of other weights: left out`);
    return isCurrent;
  });
}

function logsIn(models: string): Overview['logs'] {
  const names = readdirSync(models).sort();
  return [...names.map((name) => join(models, name)), ...adapterDirs(models)]
    .filter((dir) => existsSync(join(dir, 'metrics.jsonl')))
    .map((dir) => {
      const lines = new RunDirectory(dir).readMetrics();
      return { checkpoint: basename(dir), metrics: parseMetrics(lines) };
    });
}

const tableSchema = z.strictObject({
  head: z.array(z.string()),
  rows: z.array(z.array(z.string())),
});
