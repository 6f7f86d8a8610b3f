// The page on all checkpoints: everything inside, nothing fetched, no script. Tables first, then what was seen inside,
// then how they trained.
import { html, raw } from 'hono/html';
import { type Inspection, readOuts } from '../inspect/inspection.ts';
import type { Measurement } from '../measurement.ts';
import { drawTraining } from './charts.ts';
import { generatedRows, type TextTable } from './comparison.ts';
import { type DataPart, dataParts, type Planned } from './comparison-page.ts';
import { stageStyles } from './curves.ts';
import { figures, legend } from './figures.ts';
import { branchRows, noWords, productRows, shownWord } from './inspection-text.ts';
import {
  controlStyles,
  drawBranches,
  drawControls,
  drawOutcomes,
  drawProducts,
  drawSweeps,
  hasOutcomes,
  outcomeStyles,
  sweepStyles,
} from './overview-charts.ts';
import { pageStyle } from './page-style.ts';
import type { RunMetrics } from './run-metrics.ts';
import { drawSearchTrees, nodeStyles } from './search-tree.ts';
import { type Html, table } from './tables.ts';

export type Overview = {
  measurements: Measurement[];
  planned: Planned[];
  inspections: Inspection[];
  /** Logs of the checkpoints that have one. */
  logs: { checkpoint: string; metrics: RunMetrics }[];
  /** null: not measured. */
  stability: TextTable | null;
};

export async function renderOverview(overview: Overview): Promise<string> {
  const { measurements, planned, inspections, logs, stability } = overview;
  const generated = generatedRows(measurements);
  const page = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Latent reasoning, compared</title>
<style>${raw(pageStyle)}</style>
</head>
<body>
<h1>Latent reasoning, compared</h1>
<p class="note">Small models, trained from scratch or as adapters of a pretrained one, beside the paper's pretrained GPT-2 (Coconut, arXiv 2412.06769, table 1).
Accuracy is mean ± standard deviation over seeds; tokens are thoughts plus text.</p>
${dataParts(measurements, planned).map(dataSection)}
${generated ? html`<h2>ProsQA, out of distribution</h2>${textTable(generated)}` : ''}
<h2>Inside</h2>
${inspections.length === 0 ? html`<p>Nothing inspected yet: npm run inspect.</p>` : inspections.map(inspectionSection)}
<h2>Training</h2>
${logs.map(logSection)}
<h3>Stability over variants and seeds</h3>
${stability ? textTable(stability) : html`<p>Not measured yet: npm run stability.</p>`}
</body>
</html>
`;
  return String(page);
}

const textTable = ({ head, rows }: TextTable): Html => table(head, rows);

function dataSection(part: DataPart): Html {
  const { title, methods, verdicts, controls, thoughts, paired, measured } = part;
  const split = measured.filter(hasOutcomes);
  return html`<h2>${title}</h2>
${textTable(methods)}
${verdicts.length === 0 ? '' : html`<h3>Do the thoughts carry the answer?</h3><ul>${verdicts.map((verdict) => html`<li>${verdict}</li>\n`)}</ul>`}
${
  controls
    ? html`${legend(controlStyles)}${figures([drawControls(measured)])}
<details><summary>As a table</summary>${textTable(controls)}</details>`
    : ''
}
${
  thoughts
    ? html`<h3>Number of thoughts</h3>${legend(sweepStyles(measured))}${figures([drawSweeps(measured)])}
<details><summary>As a table</summary>${textTable(thoughts)}</details>`
    : ''
}
${split.length === 0 ? '' : html`<h3>What became of the answers</h3>${legend(outcomeStyles)}${figures([drawOutcomes(split)])}`}
${paired ? html`<h3>Paired tests</h3>${textTable(paired)}` : ''}`;
}

function inspectionSection(inspection: Inspection): Html {
  const { checkpoint, data, item, question, answer, thoughts, tree, branches } = inspection;
  const words = thoughts.map(({ words, norm, cosine }, k) => [
    `thought ${k + 1}`,
    ...words.map(({ word, probability }) => `${shownWord(word)} ${probability.toFixed(2)}`),
    norm.toFixed(1),
    cosine === null ? '–' : cosine.toFixed(2),
  ]);
  const ranks = thoughts[0]?.words.map((_, i) => `${i + 1}.`) ?? [];
  return html`<h3>${checkpoint}: item ${item} of ${data}</h3>
<details><summary>${question.slice(question.lastIndexOf('. ') + 2)} ${answer}</summary><p class="question">${question}</p></details>
${
  thoughts.length > 0
    ? table(['read out', ...ranks, 'norm', 'cosine to the one before'], words)
    : html`<p class="note">${noWords}</p>`
}
${
  tree
    ? html`<p class="note">What the root reaches, column by column; unreachable nodes left out, but for the wrong option.</p>
${legend(nodeStyles)}${readOuts.map(
  (readOut, i) =>
    html`<details${i === 0 ? raw(' open') : ''}><summary>Search tree, read from the ${readOut}</summary>${figures(drawSearchTrees(tree, readOut))}</details>`,
)}`
    : ''
}
${
  branches.length === 0
    ? ''
    : html`${figures([drawBranches(inspection), drawProducts(inspection)])}
<details><summary>As tables</summary>${textTable(branchRows(inspection))}${textTable(productRows(inspection))}</details>`
}`;
}

const shownCharts = [
  'Loss of the text alone (nats per label)',
  'Loss (nats per label)',
  'Gradient norm',
];

/** Loss and gradient norm: where stages meet, both jump. */
function logSection({ checkpoint, metrics }: Overview['logs'][number]): Html {
  const charts = drawTraining(metrics).filter(({ title }) => shownCharts.includes(title));
  return html`<h3>${checkpoint}</h3>
${legend(stageStyles(metrics.train))}
${figures(charts)}`;
}
