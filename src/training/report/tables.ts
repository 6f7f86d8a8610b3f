// The report's figures in words: facts of the run, goals reached, segments, and the scores of eval.json.
import { html } from 'hono/html';
import type { EvalReport, EvalRun } from '../../model/eval-report.ts';
import { totalSteps } from '../schedule.ts';
import type { ModelSizes, TrainingConfig } from '../training-config.ts';
import { type RunMetrics, stageLabel, type ValidationPoint } from './run-metrics.ts';
import { best, firstReached, type SegmentRow, segmentRows } from './summary.ts';
import { duration, integer, percent, short } from './units.ts';

/** Validation accuracies whose first time is told. */
const goals = [0.5, 0.75, 0.9, 0.97, 0.99];

/** A fragment of HTML; text put into it is escaped. */
export type Html = ReturnType<typeof html>;

type Cell = string | number;

/** The first column names the row, the others are figures. */
export function table(head: readonly Cell[], rows: readonly (readonly Cell[])[]): Html {
  return html`<div class="scroll"><table>
<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map(
    ([first, ...rest]) =>
      html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>\n`,
  )}</tbody></table></div>`;
}

/** What the run is and how far it got. */
export function factList({ train, validation }: RunMetrics, config: TrainingConfig | null): Html {
  const last = train.at(-1)!;
  const seconds = Math.max(last.seconds, validation.at(-1)?.seconds ?? 0);
  const top = best(validation);
  const lastAccuracy = validation.at(-1)?.accuracy;
  const facts: [string, string][] = [
    ...(config ? configFacts(config) : []),
    [
      'train steps',
      config
        ? `${integer(last.trainStep)} of ${integer(totalSteps(config))}`
        : integer(last.trainStep),
    ],
    ['examples', integer(last.examples)],
    ['wall time', duration(seconds)],
    ['last validation', lastAccuracy === undefined ? 'none' : percent(lastAccuracy)],
    ['best validation', top ? `${percent(top.accuracy)} after ${duration(top.seconds)}` : 'none'],
  ];
  return html`<dl>${facts.map(([term, fact]) => html`<div><dt>${term}</dt><dd>${fact}</dd></div>\n`)}</dl>`;
}

function configFacts({
  method,
  supervision,
  seed,
  start,
  model,
  optimizer,
  threads,
}: TrainingConfig): [string, string][] {
  return [
    ['method', supervision === 'none' ? method : `${method}, ${supervision} supervision`],
    [
      'model',
      model ? sizesOf(model) : `that of ${start.kind === 'checkpoint' ? start.path : start.kind}`,
    ],
    ['optimiser', optimizer.hiddenMatrices],
    ['seed', String(seed)],
    ['threads', String(threads)],
  ];
}

const sizesOf = ({ layers, width, heads }: ModelSizes): string =>
  `${layers} layers, width ${width}, ${heads} heads`;

/** When validation first reached each goal. */
export function goalTable(validation: readonly ValidationPoint[]): Html {
  const reached = goals.flatMap((goal) => {
    const point = firstReached(validation, goal);
    if (point === null) return [];
    const { trainStep, examples, seconds, accuracy } = point;
    return [
      [
        `≥ ${short(100 * goal)}%`,
        duration(seconds),
        integer(examples),
        integer(trainStep),
        percent(accuracy),
      ],
    ];
  });
  if (reached.length === 0) return html`<p class="note">Below ${percent(goals[0]!)} so far.</p>`;
  return table(['first reached', 'wall time', 'examples', 'train step', 'accuracy then'], reached);
}

export function segmentTable(metrics: RunMetrics, config: TrainingConfig | null): Html {
  const head = [
    'segment',
    'trained on',
    'train steps',
    'examples',
    'wall time',
    'examples/s',
    'learning rate',
    'loss *',
    'tokens *',
    'rows *',
    'validation',
  ];
  return html`${table(
    head,
    segmentRows(metrics).map((row) => segmentCells(row, config)),
  )}
<p class="note">+ stages mixed in. * mean over the last tenth of the train steps at the segment's own stage. Wall time
and examples/s include validation and saving.</p>`;
}

function trainedOn({ task, stage, mixedStages }: SegmentRow): string {
  const main = stageLabel({ task, stage });
  return mixedStages.length === 0 ? main : `${main} + ${mixedStages.join(', ')}`;
}

function segmentCells(row: SegmentRow, config: TrainingConfig | null): Cell[] {
  const planned = config?.segments[row.segment]?.trainSteps;
  const { first, last } = row.learningRates;
  return [
    row.segment,
    trainedOn(row),
    planned === undefined
      ? integer(row.trainSteps)
      : `${integer(row.trainSteps)} of ${integer(planned)}`,
    integer(row.examples),
    duration(row.seconds),
    short(row.examples / row.seconds),
    `${short(first)} → ${short(last)}`,
    row.loss.toFixed(3),
    percent(row.tokenAccuracy),
    percent(row.rowAccuracy),
    row.validationAccuracy === null ? '–' : percent(row.validationAccuracy),
  ];
}

/** The scores of eval.json; counts as the paper counts them (thoughts + text, markers not). */
export function evaluationTable(report: EvalReport): Html {
  const cells = (name: string, run: EvalRun): Cell[] => [
    name,
    `${percent(run.accuracy)} (${run.correct} of ${run.items})`,
    run.accuracy_ci95.map(percent).join(' to '),
    run.mean_thoughts.toFixed(1),
    run.mean_text_tokens.toFixed(1),
    run.mean_total_tokens.toFixed(1),
  ];
  const { data, as_trained, zero_thoughts, shuffled_thoughts, cot_baseline } = report;
  const rows = [
    cells('as trained', as_trained),
    ...(zero_thoughts ? [cells('no thoughts', zero_thoughts)] : []),
    ...(shuffled_thoughts ? [cells("others' thoughts", shuffled_thoughts)] : []),
    ...(cot_baseline ? [baselineCells(cot_baseline)] : []),
  ];
  return html`<p class="note">${data.name}, ${data.items} items, ${report.date}</p>
${table(['', 'accuracy', '95% interval', 'thoughts', 'text tokens', 'sum'], rows)}`;
}

function baselineCells(baseline: NonNullable<EvalReport['cot_baseline']>): Cell[] {
  const tokens = baseline.mean_text_tokens.toFixed(1);
  return [baseline.checkpoint, percent(baseline.accuracy), '–', '0.0', tokens, tokens];
}
