// `eval`: a checkpoint and a data file → the table on the terminal and the checkpoint's eval.json.

import { basename } from 'node:path';
import { type Engine, startEngine } from '../engine/engine.ts';
import { type Checkpoint, readCheckpoint } from '../model/checkpoint.ts';
import { fileSha256 } from '../model/checkpoint-files.ts';
import { writeEvalReport } from '../model/checkpoint-writer.ts';
import type { EvalReport, EvalRun } from '../model/eval-report.ts';
import { dimensionsOf } from '../model/model-config.ts';
import type { WeightFormat } from '../model/serving-model.ts';
import { type DataKind, formats } from './datasets/formats.ts';
import { evaluateCheckpoint } from './evaluate.ts';
import { stoppingCurve, stoppingTable } from './evaluate-stopping.ts';
import { hundredths, percent } from './report/units.ts';

/** Tokens of one item, answer included; the longest published ones have some 550. A context of thousands would be mostly idle. */
const SLOT_CAPACITY = 1024;

type EngineSettings = { threads: number; weights: WeightFormat };

/** Starts an engine on the checkpoint for as long as `body` needs it. */
export async function withEngine<T>(
  checkpointDir: string,
  settings: EngineSettings,
  body: (engine: Engine, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  const checkpoint = readCheckpoint(checkpointDir);
  const slotCapacity = Math.min(dimensionsOf(checkpoint.config).positions, SLOT_CAPACITY);
  const engine = startEngine(
    { checkpointDir, slots: 32, slotCapacity, maxPrefillTokens: 2048, ...settings },
    { queueLimit: Number.POSITIVE_INFINITY },
  );
  try {
    await engine.ready();
    return await body(engine, checkpoint);
  } finally {
    await engine.drain();
  }
}

export async function evaluateCommand(
  dir: string,
  file: string,
  options: {
    baseline?: string;
    kind: DataKind;
    skipMalformed?: boolean;
    stopping?: boolean;
  } & EngineSettings,
): Promise<void> {
  const sha256 = fileSha256(file);
  const { read, isCorrect } = formats[options.kind];
  const { items, skipped } = read(file, options.skipMalformed ? 'skip' : 'throw');
  for (const { message } of skipped) console.warn(`left out: ${message}`);
  const baseline = options.baseline === undefined ? null : baselineOf(options.baseline, sha256);
  const { checkpoint, runs, stopping } = await withEngine(
    dir,
    { threads: options.threads, weights: options.weights },
    async (engine, checkpoint) => ({
      checkpoint,
      runs: await evaluateCheckpoint(engine, checkpoint, items, isCorrect),
      stopping: options.stopping ? await stoppingCurve(engine, checkpoint, items, isCorrect) : null,
    }),
  );
  const report: EvalReport = {
    date: new Date().toISOString(),
    data: { name: basename(file), sha256, items: items.length },
    checkpoint_sha256: checkpoint.sha256,
    ...runs,
    cot_baseline: baseline,
  };
  // eval.json holds figures of the weights as they are stored.
  if (options.weights === 'fp32') writeEvalReport(checkpoint, report);
  console.log(evaluationTable(checkpoint.id, report));
  if (stopping) console.log(`\n${stoppingTable(stopping)}`);
}

/** The baseline's own figures; throws unless they are of the same data. */
function baselineOf(dir: string, dataSha256: string): EvalReport['cot_baseline'] {
  const { id, evalReport } = readCheckpoint(dir);
  if (evalReport?.data.sha256 !== dataSha256) {
    const has = evalReport
      ? `figures of ${evalReport.data.name} (${evalReport.data.sha256})`
      : 'no eval.json';
    throw new Error(
      `baseline ${dir}: has ${has}, needs figures of data ${dataSha256}: evaluate it first`,
    );
  }
  const { items, accuracy, mean_text_tokens, sd_text_tokens } = evalReport.as_trained;
  return {
    checkpoint: id,
    checkpoint_sha256: evalReport.checkpoint_sha256,
    accuracy,
    mean_text_tokens,
    sd_text_tokens,
    items,
  };
}

/** A row per way of running the items; counts as the paper counts them (thoughts + text, markers not). */
export function evaluationTable(id: string, report: EvalReport): string {
  const row = (name: string, run: EvalRun): string =>
    [
      name.padEnd(26),
      percent(run.accuracy).padStart(7),
      `[${run.accuracy_ci95.map(hundredths).join(', ')}]`.padStart(15),
      run.mean_thoughts.toFixed(1).padStart(9),
      run.mean_text_tokens.toFixed(1).padStart(12),
      run.mean_total_tokens.toFixed(1).padStart(7),
      run.cut ? `  (${run.cut} answers cut short)` : '',
    ].join('');
  const { as_trained, zero_thoughts, shuffled_thoughts, cot_baseline } = report;
  return [
    `${report.data.name}: ${report.data.items} items`,
    `${''.padEnd(26)}${'acc.'.padStart(7)}${'95% interval'.padStart(15)}${'thoughts'.padStart(9)}${'text tokens'.padStart(12)}${'sum'.padStart(7)}`,
    row(id, as_trained),
    ...(zero_thoughts ? [row('  without thoughts', zero_thoughts)] : []),
    ...(shuffled_thoughts ? [row("  with others' thoughts", shuffled_thoughts)] : []),
    ...(cot_baseline
      ? [
          `against ${cot_baseline.checkpoint} (${percent(cot_baseline.accuracy)}, ${cot_baseline.mean_text_tokens.toFixed(1)} tokens): ` +
            `${hundredths(as_trained.accuracy - cot_baseline.accuracy)} points, ${percent(as_trained.mean_total_tokens / cot_baseline.mean_text_tokens)} of its tokens`,
        ]
      : []),
  ].join('\n');
}
