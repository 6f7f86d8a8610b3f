// The comparison of methods as tables: mean and spread over seeds beside the paper's figures, what was not trained,
// paired tests, accuracy against the number of thoughts, and sets out of distribution. Pure.
import type { DataKind } from '../datasets/formats.ts';
import { PROSQA_SIZES } from '../datasets/prosqa-generator.ts';
import { type Measurement, rightItems } from '../measurement.ts';
import { type MethodName, methodNames } from '../methods.ts';
import { markdownTable, meanAndSpread } from './markdown.ts';
import { mcNemar, probability } from './paired-test.ts';
import { paperFigures, replicatedSets } from './paper-figures.ts';
import { groupBy } from './series.ts';
import { hundredths } from './units.ts';

/** What tells rows apart; 'none' is the plain method. */
export type Method = { method: string; supervision: string; options: string };

/** A table as rows of text, for Markdown and HTML alike; the first column names the row. */
export type TextTable = { head: string[]; rows: string[][] };

/**
 * A row per method and variant: those measured, and of the others the paper's and the `planned` ones, in the
 * paper's order. `measured` are all of one data file.
 */
export function methodRows(
  kind: DataKind,
  measured: readonly Measurement[],
  planned: readonly Method[],
): TextTable {
  const rows = [...groupBy(measured, ({ variant, ...rest }) => `${variant} ${methodLabel(rest)}`)]
    .map(([, runs]) => runs)
    .map((runs) => ({ of: runs[0]! as Method, cells: measuredCells(runs, measured) }));
  const seen = new Set(measured.map(methodLabel));
  const papers = methodNames
    .filter((method) => paperFigures[method][kind] !== undefined)
    .map((method) => ({ method, supervision: 'none', options: '' }));
  for (const of of [...papers, ...planned]) {
    if (seen.has(methodLabel(of))) continue;
    seen.add(methodLabel(of));
    rows.push({ of, cells: [methodLabel(of), '0', '', 'not trained', ''] });
  }
  rows.sort((a, b) => rank(a.of) - rank(b.of));
  return {
    head: [
      ...['method', 'seeds', 'examples', 'accuracy (%)', 'tokens'],
      ...['paper: accuracy', 'paper: tokens'],
    ],
    rows: rows.map(({ of, cells }) => [...cells, ...paperCells(of, kind)]),
  };
}

/** Accuracy at each number of thoughts that was tried. */
export function thoughtRows(measured: readonly Measurement[]): TextTable | null {
  const thinking = measured.filter(({ byThoughts }) => byThoughts !== null);
  if (thinking.length === 0) return null;
  return {
    head: ['thoughts', ...thinking[0]!.byThoughts!.map((_, thoughts) => `${thoughts}`)],
    rows: thinking.map(({ checkpoint, byThoughts }) => [
      checkpoint,
      ...byThoughts!.map(({ accuracy }) => hundredths(accuracy)),
    ]),
  };
}

/** Each checkpoint that thinks against each that does not: the pause control above all. */
export function pairedRows(measured: readonly Measurement[]): TextTable | null {
  const thinking = measured.filter(({ filler }) => filler === 'thought');
  const others = measured.filter(({ filler }) => filler !== 'thought');
  const rows = thinking.flatMap((first) =>
    others.map((second) => {
      const { onlyFirst, onlySecond, p } = mcNemar(
        rightItems(first.asTrained),
        rightItems(second.asTrained),
      );
      const names = `${first.checkpoint} / ${second.checkpoint}`;
      return [names, `${onlyFirst}`, `${onlySecond}`, probability(p)];
    }),
  );
  if (rows.length === 0) return null;
  return {
    head: ['McNemar, exact', 'only the first right', 'only the second right', 'p'],
    rows,
  };
}

/** Accuracy on each generated set, and what others measured on theirs. */
export function generatedRows(measured: readonly Measurement[]): TextTable | null {
  const generated = measured.filter(({ data }) => data.generated);
  if (generated.length === 0) return null;
  const sets = [...new Set(generated.map(({ data }) => data.name))];
  const rows = [...groupBy(generated, ({ checkpoint }) => checkpoint)].map(([checkpoint, runs]) => [
    checkpoint,
    `${runs[0]!.longestQuestion ?? '?'}`,
    ...sets.map((set) => {
      const run = runs.find(({ data }) => data.name === set);
      return run ? hundredths(run.asTrained.accuracy) : '';
    }),
  ]);
  const published = replicatedSets.map(({ name, accuracies }) => [
    name,
    `${PROSQA_SIZES.hops.max}`,
    ...sets.map((set) => accuracies[set]?.toFixed(1) ?? ''),
  ]);
  return { head: ['accuracy (%)', 'trained to hops', ...sets], rows: [...rows, ...published] };
}

export const toMarkdown = ({ head, rows }: TextTable): string => markdownTable(head, rows);

export const methodLabel = ({ method, supervision, options }: Method): string =>
  [method, supervision === 'none' ? '' : `${supervision}-supervised`, options]
    .filter((part) => part !== '')
    .join(', ');

const isPlain = ({ supervision, options }: Method): boolean =>
  supervision === 'none' && options === '';

/** Two variants of one method have their checkpoints' names beside it. */
function measuredCells(runs: readonly Measurement[], all: readonly Measurement[]): string[] {
  const label = methodLabel(runs[0]!);
  const isAmbiguous = all.filter((other) => methodLabel(other) === label).length > runs.length;
  const names = runs.map(({ checkpoint }) => checkpoint).join(', ');
  return [
    isAmbiguous ? `${label} (${names})` : label,
    `${runs.length}`,
    [...new Set(runs.map(({ examples }) => examples?.toLocaleString('en-US') ?? '?'))].join(', '),
    meanAndSpread(runs.map(({ asTrained }) => 100 * asTrained.accuracy)),
    meanAndSpread(runs.map(({ asTrained }) => asTrained.thoughts + asTrained.textTokens)),
  ];
}

function paperCells(of: Method, kind: DataKind): string[] {
  const { method } = of;
  const paper = isMethod(method) && isPlain(of) ? paperFigures[method][kind] : undefined;
  if (!paper) return ['', ''];
  const spread = paper.spread === null ? '' : ` ± ${paper.spread.toFixed(1)}`;
  return [`${paper.accuracy.toFixed(1)}${spread}`, paper.tokens.toFixed(1)];
}

const isMethod = (name: string): name is MethodName =>
  (methodNames as readonly string[]).includes(name);

const paperOrder = Object.keys(paperFigures);

const rank = (of: Method): number =>
  (isMethod(of.method) ? paperOrder.indexOf(of.method) : paperOrder.length) +
  (isPlain(of) ? 0 : 0.5);
