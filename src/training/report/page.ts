// The report as one HTML page: everything inside, nothing fetched, no script.
import { html, raw } from 'hono/html';
import type { EvalReport } from '../../model/eval-report.ts';
import type { TrainingConfig } from '../training-config.ts';
import { drawTraining, drawValidation, smoothingHalfLife } from './charts.ts';
import { stageStyles, validationCurvesOf } from './curves.ts';
import { figures, legend } from './figures.ts';
import { pageStyle } from './page-style.ts';
import type { RunMetrics } from './run-metrics.ts';
import { evaluationTable, factList, goalTable, type Html, segmentTable } from './tables.ts';

export type Report = {
  name: string;
  metrics: RunMetrics;
  /** null until the run has written a checkpoint. */
  config: TrainingConfig | null;
  /** null until `eval` has scored the checkpoint. */
  evalReport: EvalReport | null;
};

/** The whole page. @throws when the run has no train step yet */
export async function renderReport(report: Report): Promise<string> {
  const { name, metrics, config, evalReport } = report;
  const { train, validation } = metrics;
  if (train.length === 0) throw new Error(`${name}: no train step in its metrics`);
  const page = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}: training report</title>
<style>${raw(pageStyle)}</style>
</head>
<body>
<h1>${name}</h1>
${factList(metrics, config)}
<h2>Validation</h2>
${validation.length === 0 ? html`<p>Not validated yet.</p>` : validationSection(metrics)}
<h2>Training</h2>
${trainingSection(metrics)}
<h2>Segments</h2>
${segmentTable(metrics, config)}
<h2>Evaluation</h2>
${evalReport ? evaluationTable(evalReport) : html`<p>The checkpoint has no eval.json.</p>`}
<h2>Run file</h2>
${config ? html`<details><summary>All keys</summary><pre>${JSON.stringify(config, null, 2)}</pre></details>` : html`<p>No checkpoint holds it yet.</p>`}
</body>
</html>
`;
  return String(page);
}

const validationSection = (metrics: RunMetrics): Html => html`
${legend(validationCurvesOf(metrics.validation))}
${figures(drawValidation(metrics))}
${goalTable(metrics.validation)}`;

const trainingSection = (metrics: RunMetrics): Html => html`
${legend(stageStyles(metrics.train))}
${figures(drawTraining(metrics))}
<p class="note">Bold: moving mean, half-life ${smoothingHalfLife(metrics.train)} train steps
of the same stage and segment. Faint: each train step (long runs thinned, peaks kept). Dots: stages mixed in too
rarely for a mean. Upright lines: a segment begins.</p>`;
