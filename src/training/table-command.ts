// `table`: a directory of checkpoints → the comparison of methods, from their eval.json or measured anew.
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { type Checkpoint, readCheckpoint } from '../model/checkpoint.ts';
import type { Example } from './datasets/example.ts';
import { type DataKind, dataKinds, formats } from './datasets/formats.ts';
import { type ItemResult, runItems, summarizeRun } from './evaluate.ts';
import { withEngine } from './evaluate-command.ts';
import {
  type Measured,
  mcNemar,
  methodTable,
  type PairedTest,
  pairedTable,
  sweepTable,
  type ThoughtSweep,
} from './report/comparison.ts';

type TableOptions = { data?: string; kind: DataKind; items?: number; threads: number };

/** One checkpoint measured anew: as trained item by item, and at 0 to MAX_THOUGHTS thoughts where it thinks. */
type Remeasured = { measured: Measured; right: boolean[]; sweep: ThoughtSweep | null };

const MAX_THOUGHTS = 8;

export async function tableCommand(dir: string, options: TableOptions): Promise<void> {
  const checkpoints = checkpointsIn(dir);
  const { data } = options;
  console.log(
    data === undefined
      ? methodTable(storedFigures(dir, checkpoints))
      : await measureAll(checkpoints, data, options),
  );
}

function checkpointsIn(dir: string): Checkpoint[] {
  const paths = readdirSync(dir)
    .sort()
    .map((name) => join(dir, name))
    .filter((path) => existsSync(join(path, 'config.json')));
  if (paths.length === 0) throw new Error(`${dir} holds no checkpoint`);
  return paths.map(readCheckpoint);
}

function storedFigures(dir: string, checkpoints: readonly Checkpoint[]): Measured[] {
  const measured = checkpoints.flatMap((checkpoint) => {
    const { evalReport } = checkpoint;
    if (evalReport === null) {
      console.warn(`${checkpoint.id} has no eval.json: evaluate it, or give --data`);
      return [];
    }
    const { data, as_trained } = evalReport;
    const { items, accuracy, mean_total_tokens: tokens } = as_trained;
    return [{ ...identity(checkpoint), data: data.name, items, accuracy, tokens }];
  });
  if (measured.length === 0) throw new Error(`no checkpoint of ${dir} has an eval.json`);
  return measured;
}

const recordSchema = z.object({ run: z.object({ data: z.object({ kind: z.enum(dataKinds) }) }) });

function identity({ id, config, training }: Checkpoint) {
  const { method, supervision } = config.coconut;
  // The trainer records its run; a checkpoint from elsewhere is taken for ProsQA.
  const record = recordSchema.safeParse(training);
  const kind: DataKind = record.success ? record.data.run.data.kind : 'prosqa';
  return { checkpoint: id, method, supervision, kind };
}

async function measureAll(
  checkpoints: readonly Checkpoint[],
  file: string,
  { kind, items: limit, threads }: TableOptions,
): Promise<string> {
  const items = formats[kind].read(file, 'throw').items.slice(0, limit);
  const results: Remeasured[] = [];
  for (const checkpoint of checkpoints) {
    if (identity(checkpoint).kind !== kind) continue;
    results.push(await remeasure(checkpoint, basename(file), items, kind, threads));
  }
  if (results.length === 0) throw new Error(`no checkpoint was trained on ${kind}`);
  const sweeps = results.flatMap(({ sweep }) => (sweep === null ? [] : [sweep]));
  const tests = pairedTests(results);
  return [
    methodTable(results.map(({ measured }) => measured)),
    ...(tests.length > 0 ? [pairedTable(tests)] : []),
    ...(sweeps.length > 0 ? [sweepTable(sweeps)] : []),
  ].join('\n\n');
}

async function remeasure(
  checkpoint: Checkpoint,
  data: string,
  items: readonly Example[],
  kind: DataKind,
  threads: number,
): Promise<Remeasured> {
  const { filler, default_thoughts: own } = checkpoint.config.coconut;
  return withEngine(checkpoint.dir, { threads, weights: 'fp32' }, async (engine) => {
    const run = (count: number): Promise<ItemResult[]> =>
      runItems(engine, checkpoint, items, formats[kind].isCorrect, () => ({
        kind: 'model',
        count,
      }));
    const results = await run(own);
    const { accuracy, mean_total_tokens: tokens } = summarizeRun(results);
    const accuracies: number[] = [];
    for (let count = 0; filler === 'thought' && count <= MAX_THOUGHTS; count++)
      accuracies.push(summarizeRun(await run(count)).accuracy);
    return {
      measured: { ...identity(checkpoint), kind, data, items: items.length, accuracy, tokens },
      right: results.map(({ correct }) => correct),
      sweep: filler === 'thought' ? { checkpoint: checkpoint.id, accuracies } : null,
    };
  });
}

/** Every checkpoint that thinks against every one that does not: the pause control above all. */
function pairedTests(results: readonly Remeasured[]): PairedTest[] {
  const thinking = results.filter(({ sweep }) => sweep !== null);
  const others = results.filter(({ sweep }) => sweep === null);
  return thinking.flatMap((first) =>
    others.map((second) => ({
      first: first.measured.checkpoint,
      second: second.measured.checkpoint,
      outcome: mcNemar(first.right, second.right),
    })),
  );
}
