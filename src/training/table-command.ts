// `table`: a directory of checkpoints → the comparison of methods, measured through the engine where it is not yet known,
// kept beside the page as JSON.

import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { replaceFile } from '../model/atomic-write.ts';
import { type Checkpoint, readCheckpoint } from '../model/checkpoint.ts';
import { checkpointDirs } from '../model/checkpoint-dirs.ts';
import { fileSha256 } from '../model/checkpoint-files.ts';
import { methodOptions } from '../model/method-options.ts';
import { Random } from '../random.ts';
import { type DataKind, formats } from './datasets/formats.ts';
import { type ProsqaItem, readProsqa } from './datasets/prosqa.ts';
import { drawProsqaSet, prosqaSets } from './datasets/prosqa-sets.ts';
import { withEngine } from './evaluate-command.ts';
import { outcomeOf } from './inspect/outcome.ts';
import { type Depth, type Identified, type Items, identityOf, measure } from './measure.ts';
import { type Measurement, readMeasurements, writeMeasurements } from './measurement.ts';
import { mergedAdapters } from './merged-adapters.ts';
import { comparisonPage, type Planned } from './report/comparison-page.ts';
import { trainedOptions } from './run-model.ts';
import { trainAgain } from './train-again.ts';
import { isTrainedHere, readTrainingConfig, runOf } from './training-config.ts';

export type TableOptions = {
  data?: string;
  kind: DataKind;
  items?: number;
  threads: number;
  runs: string;
  /** docs/comparison, or, where it is trained again, `out`/comparison, unless it is given. */
  write?: string;
  out: string;
  /** Where adapters are merged to. */
  merged: string;
  anew?: boolean;
  ood?: boolean;
  train?: boolean;
};

type Task = { checkpoint: Checkpoint; items: Items; depth: Depth };

const GENERATED_ITEMS = 200;
const GENERATOR_SEED = 1;

export async function tableCommand(dir: string, options: TableOptions): Promise<void> {
  const { data, kind, train, out, merged } = options;
  const { checkpoints: given, absent } = modelsIn(dir, merged);
  const planned = tasksOf(given, options);
  if (planned.length === 0) {
    const reason = data === undefined ? 'records a run' : `was trained on ${kind}`;
    throw new Error(`no checkpoint of ${dir} ${reason}`);
  }
  const tasks = train ? await again(planned, given, out) : planned;
  if (tasks === null) return;
  const compared = train ? tasks.map(({ checkpoint }) => checkpoint) : [...given, ...absent];
  const stem = options.write ?? (train ? join(out, 'comparison') : 'docs/comparison');
  const store = `${stem}.json`;
  // Of these weights; what tells rows apart is told anew, as the code may tell more than when they were measured.
  let known = readMeasurements(store).flatMap((measurement): Measurement[] => {
    const { checkpoint: id, sha256 } = measurement;
    const checkpoint = compared.find((one) => one.id === id && one.sha256 === sha256);
    return checkpoint ? [{ ...measurement, ...identityOf(checkpoint) }] : [];
  });
  for (const task of tasks) {
    const before = known.find((measurement) => isOf(measurement, task));
    if (before && !options.anew) continue;
    const measured = await measureOne(task, options.threads);
    if (measured.asTrained.cut)
      console.warn(`${measured.checkpoint}: ${measured.asTrained.cut} answers were cut short`);
    known = [...known.filter((measurement) => !isOfSameName(measurement, task)), measured];
    // After each: what was measured is not lost when a later one fails.
    writeMeasurements(store, inOrder(known));
  }
  writeMeasurements(store, inOrder(known));
  const page = comparisonPage(inOrder(known), plannedRuns(options.runs));
  replaceFile(`${stem}.md`, page);
  console.log(page);
}

/** Checkpoints and adapters; `absent` are those of which only what was measured is known. */
function modelsIn(dir: string, out: string): { checkpoints: Checkpoint[]; absent: Identified[] } {
  const own = checkpointDirs(dir).map((path) => readCheckpoint(path));
  const adapters = mergedAdapters(dir, out);
  const checkpoints = [...own, ...adapters.checkpoints];
  const ids = [...checkpoints, ...adapters.absent].map(({ id }) => id);
  if (ids.length === 0) throw new Error(`${dir} holds no checkpoint`);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice) throw new Error(`${dir} holds ${twice} twice: a checkpoint and an adapter`);
  return { checkpoints, absent: adapters.absent };
}

/** The same tasks with checkpoints trained again; null where that was stopped. */
async function again(
  tasks: readonly Task[],
  known: readonly Checkpoint[],
  out: string,
): Promise<Task[] | null> {
  const wanted = new Set(tasks.map(({ checkpoint }) => checkpoint));
  const trained = await trainAgain([...wanted], known, out);
  return (
    trained && tasks.map((task) => ({ ...task, checkpoint: trained.get(task.checkpoint.id)! }))
  );
}

/** Each checkpoint on its own validation file, or on the file given; and on the sets out of distribution. */
function tasksOf(checkpoints: readonly Checkpoint[], options: TableOptions): Task[] {
  const { data, kind, ood, items } = options;
  const sets = ood ? generatedSets(items ?? GENERATED_ITEMS) : [];
  return checkpoints.flatMap((checkpoint) => {
    if (!isTrainedHere(checkpoint)) {
      console.warn(`${checkpoint.id} records no run: left out`);
      return [];
    }
    const run = runOf(checkpoint).data;
    if (data !== undefined && run.kind !== kind) return [];
    const file = fileItems(run.kind, data ?? run.validation, items);
    const generated = run.kind === 'prosqa' ? sets : [];
    return [
      { checkpoint, items: file, depth: 'whole' as const },
      ...generated.map((set) => ({ checkpoint, items: set, depth: 'accuracy' as const })),
    ];
  });
}

function fileItems(kind: DataKind, file: string, limit: number | undefined): Items {
  const named = { name: basename(file), sha256: fileSha256(file), generated: false };
  if (kind === 'prosqa') return graphItems(readProsqa(file, 'throw').items.slice(0, limit), named);
  const examples = formats[kind].read(file, 'throw').items.slice(0, limit);
  const data = { ...named, items: examples.length };
  return { kind, data, examples, judge: formats[kind].isCorrect, outcomeOf: null };
}

function generatedSets(count: number): Items[] {
  return prosqaSets.map((name) => {
    const items = drawProsqaSet(name, new Random(GENERATOR_SEED), count);
    const hash = createHash('sha256');
    for (const { example } of items) hash.update(`${example.question}\n${example.answer}\n`);
    return graphItems(items, { name, sha256: hash.digest('hex'), generated: true });
  });
}

function graphItems(
  items: readonly ProsqaItem[],
  named: Omit<Measurement['data'], 'items'>,
): Items {
  return {
    kind: 'prosqa',
    data: { ...named, items: items.length },
    examples: items.map(({ example }) => example),
    judge: formats.prosqa.isCorrect,
    outcomeOf: (index, text) => outcomeOf(items[index]!, text),
  };
}

const isOf = ({ checkpoint, data }: Measurement, task: Task): boolean =>
  checkpoint === task.checkpoint.id &&
  data.sha256 === task.items.data.sha256 &&
  data.items === task.items.data.items;

/** What it takes the place of: a file or set of the same name, which may have held other items. */
const isOfSameName = ({ checkpoint, kind, data }: Measurement, { checkpoint: own, items }: Task) =>
  checkpoint === own.id &&
  kind === items.kind &&
  data.name === items.data.name &&
  data.generated === items.data.generated;

function measureOne({ checkpoint, items, depth }: Task, threads: number): Promise<Measurement> {
  const { name, items: count } = items.data;
  console.warn(`${checkpoint.id} on ${name} (${count} items)`);
  return withEngine(checkpoint.dir, { threads, weights: 'fp32' }, (engine) =>
    measure(engine, checkpoint, items, depth),
  );
}

const inOrder = (measurements: readonly Measurement[]): Measurement[] =>
  measurements.toSorted((a, b) => key(a).localeCompare(key(b)));

const key = ({ kind, data, checkpoint }: Measurement): string =>
  `${kind} ${data.generated ? 1 : 0} ${data.name} ${checkpoint}`;

/** What the run files of a folder would train. */
export function plannedRuns(folder: string): Planned[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.sort().map((file) => {
    const run = readTrainingConfig(join(folder, file));
    const { method, supervision, data } = run;
    return { method, supervision, options: methodOptions(trainedOptions(run)), kind: data.kind };
  });
}
