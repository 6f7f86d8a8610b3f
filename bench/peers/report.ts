// Figures → docs/performance.md. Pure: the template is here, every number comes from the run.

import type { Machine } from '../../loadtest/machine.ts';
import { median } from '../../src/training/statistics.ts';
import type { ColdStart } from './cold-start.ts';
import { type Side, sideName } from './peer.ts';
import type { Agreement, Figure, Scenario } from './scenarios.ts';
import type { StepProfile } from './step-profile.ts';

export type HttpFigure = {
  model: string;
  /** Answer tokens per second, prompts included in the time. */
  engine: number;
  http: number;
  /** Median over the rounds of one's share of the other. */
  share: number;
};

export type ColdStarts = { bundled: ColdStart[]; checkpoint: ColdStart[] };

export type Run = {
  machine: { before: Machine; after: Machine };
  setup: {
    rounds: number;
    threads: number;
    streams: { count: number; prompt: number; tokens: number };
    model: string;
    parameters: number;
  };
  /** Null: not installed. */
  versions: Record<string, string | null>;
  figures: Figure[];
  agreements: Agreement[];
  http: HttpFigure[];
  starts: ColdStarts;
  profiles: StepProfile[];
};

export function performancePage(run: Run): string {
  const { machine, setup, versions } = run;
  const { cpu, cores, memoryGiB, node } = machine.before;
  const programs = Object.entries(versions).map(([name, v]) => `${name} ${v ?? 'not installed'}`);
  return `# Performance

Written by \`npm run bench:peers\`; run it to have your machine's figures here.

${cores} cores of ${cpu}, ${memoryGiB} GB, Node ${node}; ${programs.join(', ')}. Load average ${machine.before.loadAverage1m.toFixed(1)}
before and ${machine.after.loadAverage1m.toFixed(1)} after, the runs' own included. ${setup.threads} threads for each program, a process for each
program and width, ${setup.rounds} rounds in turns, medians. Weights: ${setup.model}, ${(setup.parameters / 1e6).toFixed(0)}M parameters, the same numbers for all.

## Aims
${aimsTable(run)}

## Tokens per second
Each program through its public API, greedy, prompts of ${promptLengths(run)} random tokens. Decode counts from the moment that all rows have
their first token until one ends. In brackets: processor milliseconds per token, which hold on a busy machine too.

${rateTable(run)}

## Against the peers
Ours divided by theirs: above 1 is faster.

${ratioTable(run)}

Greedy text beside ours in fp32 (a random model's likeliest tokens are close to each other, so that rounding parts them):
${run.agreements.slice(1).map(agreementText).join(', ')}.
transformers.js runs our own graph with keys and values as inputs and outputs, as the Hub's exports have them, and logits of the
last position only. node-llama-cpp is its prebuilt CPU library, with a context of the job's own size.

## Where a step's time goes
The runtime's profile of our decode step, 128 positions behind each row.

${profileTable(run.profiles)}

## A thought against a token
A thought needs no lm_head and no sampling.

${thoughtTable(run)}

## HTTP against the engine
${setup.streams.count} requests at once, ${setup.streams.prompt} prompt tokens and ${setup.streams.tokens} answer tokens each; streamed by \`/v1/completions\` to a client that shares the
cores, or taken from the engine in its own process.

${httpTable(run.http)}

## Cold start
From exec to the end of a first chat answer of 8 thoughts and tokens, asked for as soon as the port is open; files in the page
cache; ${run.starts.bundled.length} starts, medians and the slowest.

${coldTable(run)}
`;
}

type Row = readonly string[];

function table(head: Row, rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const isSame = (a: Scenario, b: Scenario) =>
  a.measure === b.measure && a.batch === b.batch && a.prompt === b.prompt;

const scenarioName = ({ measure, batch, prompt }: Scenario) =>
  measure === 'prefill' ? `prefill ${prompt}` : `${measure} B ${batch}`;

function scenariosOf({ figures }: Run, measures: readonly Scenario['measure'][]): Scenario[] {
  const found: Scenario[] = [];
  for (const { scenario } of figures) {
    const isNew = !found.some((other) => isSame(other, scenario));
    if (isNew && measures.includes(scenario.measure)) found.push(scenario);
  }
  return found;
}

function sidesOf({ figures }: Run): Side[] {
  return [...new Set(figures.map(({ side }) => side))];
}

function figureOf(run: Run, scenario: Scenario, side: Side | undefined): Figure | undefined {
  return run.figures.find((figure) => figure.side === side && isSame(figure.scenario, scenario));
}

function promptLengths(run: Run): string {
  const names = scenariosOf(run, ['decode']).map(({ batch, prompt }) => `${prompt} (B ${batch})`);
  return names.join(', ');
}

function rateTable(run: Run): string {
  const scenarios = scenariosOf(run, ['decode', 'prefill']);
  const rows = sidesOf(run).map((side) => [
    sideName(side),
    ...scenarios.map((scenario) => {
      const rate = figureOf(run, scenario, side)?.rate;
      if (!rate) return '–';
      const processor = Number.isNaN(rate.processorMs) ? '' : ` (${rate.processorMs.toFixed(1)})`;
      return `${rate.perSecond.toFixed(0)}${processor}`;
    }),
  ]);
  return table(['', ...scenarios.map(scenarioName)], rows);
}

/** What is compared with what: equal widths, and llama.cpp's half of ours. */
const pairs = [
  ['fp32', 'transformers.js', 'fp32'],
  ['fp32', 'node-llama-cpp', 'fp32'],
  ['fp32', 'node-llama-cpp', 'f16'],
  ['int8', 'node-llama-cpp', 'Q8_0'],
] as const;

type Pair = (typeof pairs)[number];

/** Of tokens per second; null where one was not measured. */
function ratio(run: Run, scenario: Scenario, [width, program, theirWidth]: Pair): number | null {
  const find = (by: Side['program'], at: Side['width']) =>
    sidesOf(run).find((side) => side.program === by && side.width === at);
  const ours = figureOf(run, scenario, find('coconut-serve', width));
  const theirs = figureOf(run, scenario, find(program, theirWidth));
  return ours && theirs ? ours.rate.perSecond / theirs.rate.perSecond : null;
}

function ratioTable(run: Run): string {
  const scenarios = scenariosOf(run, ['decode', 'prefill']);
  const rows = pairs.map((pair) => [
    `${pair[0]} : ${pair[1]} ${pair[2]}`,
    ...scenarios.map((scenario) => ratio(run, scenario, pair)?.toFixed(2) ?? '–'),
  ]);
  return table(['', ...scenarios.map(scenarioName)], rows);
}

/** A thought's time as a share of a token's, by scenario of decoding. */
function thoughtShare(run: Run, thoughts: Scenario, side: Side): number | null {
  const tokens = figureOf(run, { ...thoughts, measure: 'decode' }, side);
  const figure = figureOf(run, thoughts, side);
  return tokens && figure ? tokens.rate.perSecond / figure.rate.perSecond : null;
}

const thinking = ({ figures }: Run): Side[] => [
  ...new Set(
    figures.flatMap(({ scenario, side }) => (scenario.measure === 'thoughts' ? side : [])),
  ),
];

function thoughtTable(run: Run): string {
  const scenarios = scenariosOf(run, ['thoughts']);
  const rows = thinking(run).map((side) => [
    `${side.width}: thoughts/s (share of a token’s time)`,
    ...scenarios.map((scenario) => {
      const share = thoughtShare(run, scenario, side);
      const figure = figureOf(run, scenario, side);
      return `${figure?.rate.perSecond.toFixed(0) ?? '–'} (${share?.toFixed(2) ?? '–'})`;
    }),
  ]);
  return table(['', ...scenarios.map(({ batch }) => `B ${batch}`)], rows);
}

function httpTable(figures: readonly HttpFigure[]): string {
  const rows = figures.map(({ model, engine, http, share }) => [
    model,
    engine.toFixed(0),
    http.toFixed(0),
    `${(100 * share).toFixed(0)}%`,
  ]);
  return table(['model', 'engine tokens/s', 'HTTP tokens/s', 'share'], rows);
}

function coldTable({ starts, setup }: Run): string {
  const row = (name: string, cold: readonly ColdStart[]) => {
    const answers = cold.map(({ answerMs }) => answerMs);
    const cells = [
      median(cold.map(({ listenMs }) => listenMs)),
      median(answers),
      Math.max(...answers),
    ];
    return [name, ...cells.map((ms) => (ms / 1000).toFixed(2))];
  };
  return table(
    ['model', 'listens s', 'first answer s', 'slowest s'],
    [row('bundled', starts.bundled), row(setup.model, starts.checkpoint)],
  );
}

function profileTable(profiles: readonly StepProfile[]): string {
  const kinds = Object.keys(profiles[0]?.share ?? {}) as (keyof StepProfile['share'])[];
  const rows = profiles.map(({ width, batch, ms, share }) => [
    `${width}, B ${batch}`,
    ms.toFixed(1),
    ...kinds.map((kind) => `${(100 * share[kind]).toFixed(0)}%`),
  ]);
  return table(['', 'ms', ...kinds], rows);
}

function agreementText({ side, common, of }: Agreement): string {
  return `${sideName(side)} ${common} of ${of} tokens`;
}

type Aim = { what: string; aim: string; got: string; isMet: boolean };

function atLeast(what: string, got: number | null, least: number, unit = '×'): Aim {
  const shown = got === null ? 'not measured' : `${got.toFixed(2)}${unit}`;
  return { what, aim: `≥ ${least}${unit}`, got: shown, isMet: got !== null && got >= least };
}

function atMost(what: string, got: number | null, most: number, unit: string): Aim {
  const shown = got === null ? 'not measured' : `${got.toFixed(2)}${unit}`;
  return { what, aim: `≤ ${most}${unit}`, got: shown, isMet: got !== null && got <= most };
}

function aims(run: Run): Aim[] {
  const list: Aim[] = [];
  for (const scenario of scenariosOf(run, ['decode'])) {
    const { batch } = scenario;
    const least = batch === 1 ? 1 : 1.2;
    for (const pair of [pairs[1], pairs[3]]) {
      const name = `B ${batch}: ${pair[0]} against ${pair[1]} ${pair[2]}`;
      list.push(atLeast(name, ratio(run, scenario, pair), least));
    }
    if (batch === 1) continue;
    const name = `B ${batch}: fp32 against transformers.js`;
    list.push(atLeast(name, ratio(run, scenario, pairs[0]), 3));
  }
  for (const scenario of scenariosOf(run, ['thoughts'])) {
    const side = thinking(run)[0]!;
    const name = `B ${scenario.batch}: a thought’s share of a token’s time, fp32`;
    list.push(atMost(name, thoughtShare(run, scenario, side), 0.75, ''));
  }
  list.push(atLeast('HTTP’s share of the engine', run.http[0]?.share ?? null, 0.95, ''));
  const answer = (cold: readonly ColdStart[]) => median(cold.map((start) => start.answerMs)) / 1000;
  list.push(atMost('cold start, bundled', answer(run.starts.bundled), 0.8, ' s'));
  list.push(atMost(`cold start, ${run.setup.model}`, answer(run.starts.checkpoint), 2, ' s'));
  return list;
}

function aimsTable(run: Run): string {
  const rows = aims(run).map(({ what, aim, got, isMet }) => [
    what,
    aim,
    got,
    isMet ? 'met' : 'missed',
  ]);
  return table(['', 'aim', 'got', ''], rows);
}
