// The comparison of methods as Markdown: mean and spread over seeds beside the paper's figures, paired tests,
// accuracy against the number of thoughts. Pure.
import type { DataKind } from '../datasets/formats.ts';
import { type MethodName, methodNames } from '../methods.ts';
import { markdownTable, meanAndSpread } from './markdown.ts';
import { paperFigures } from './paper-figures.ts';
import { groupBy } from './series.ts';

/** One checkpoint's figures on one data file. */
export type Measured = {
  checkpoint: string;
  method: string;
  /** Extra loss on the thoughts; 'none' is the plain method. */
  supervision: string;
  kind: DataKind;
  data: string;
  items: number;
  accuracy: number;
  /** Mean thoughts plus text tokens per item. */
  tokens: number;
};

/** Accuracy of one checkpoint at 0, 1, 2, … thoughts. */
export type ThoughtSweep = { checkpoint: string; accuracies: number[] };

export type PairedTest = { first: string; second: string; outcome: McNemar };

export type McNemar = { onlyFirst: number; onlySecond: number; p: number };

/** A table per data file, a row per method, in the paper's order; variants follow their method. */
export function methodTable(measured: readonly Measured[]): string {
  return [...groupBy(measured, ({ data }) => data)]
    .map(([data, ofData]) => {
      const rows = [...groupBy(ofData, methodLabel)]
        .sort(([, [a]], [, [b]]) => rank(a!) - rank(b!))
        .map(([label, runs]) => methodRow(label, runs));
      const head = ['method', 'runs', 'accuracy (%)', 'tokens', 'paper: accuracy', 'paper: tokens'];
      return `${data}, ${ofData[0]!.items} items\n\n${markdownTable(head, rows)}`;
    })
    .join('\n\n');
}

export function sweepTable(sweeps: readonly ThoughtSweep[]): string {
  const counts = sweeps[0]!.accuracies.map((_, thoughts) => `${thoughts}`);
  const rows = sweeps.map(({ checkpoint, accuracies }) => [checkpoint, ...accuracies.map(percent)]);
  return `Accuracy (%) by number of thoughts\n\n${markdownTable(['checkpoint', ...counts], rows)}`;
}

export function pairedTable(tests: readonly PairedTest[]): string {
  const rows = tests.map(({ first, second, outcome: { onlyFirst, onlySecond, p } }) => [
    `${first} / ${second}`,
    `${onlyFirst}`,
    `${onlySecond}`,
    p < 0.001 ? '< 0.001' : p.toFixed(3),
  ]);
  const head = ['McNemar, exact', 'only the first right', 'only the second right', 'p'];
  return markdownTable(head, rows);
}

/** McNemar's test in its exact form: the items that only one gets right, against a fair coin, two-sided. */
export function mcNemar(first: readonly boolean[], second: readonly boolean[]): McNemar {
  if (first.length !== second.length)
    throw new Error(`paired test: ${first.length} items against ${second.length}`);
  const onlyFirst = first.filter((right, i) => right && !second[i]).length;
  const onlySecond = second.filter((right, i) => right && !first[i]).length;
  const n = onlyFirst + onlySecond;
  let [logTerm, tail] = [-n * Math.LN2, 0]; // log of C(n, k) / 2^n, summed for k up to the smaller count
  for (let k = 0; k <= Math.min(onlyFirst, onlySecond); k++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((n - k) / (k + 1));
  }
  return { onlyFirst, onlySecond, p: Math.min(1, 2 * tail) };
}

function methodRow(label: string, runs: readonly Measured[]): string[] {
  const { method, kind } = runs[0]!;
  const paper = isMethod(method) ? paperFigures[method][kind] : undefined;
  const spread = paper?.spread == null ? '' : ` ± ${paper.spread.toFixed(1)}`;
  return [
    label,
    `${runs.length}`,
    meanAndSpread(runs.map(({ accuracy }) => 100 * accuracy)),
    meanAndSpread(runs.map(({ tokens }) => tokens)),
    paper ? `${paper.accuracy.toFixed(1)}${spread}` : '',
    paper ? paper.tokens.toFixed(1) : '',
  ];
}

const isMethod = (name: string): name is MethodName =>
  (methodNames as readonly string[]).includes(name);

const methodLabel = ({ method, supervision }: Measured): string =>
  supervision === 'none' ? method : `${method}, ${supervision}-supervised`;

const paperOrder = Object.keys(paperFigures);

const rank = ({ method, supervision }: Measured): number =>
  (isMethod(method) ? paperOrder.indexOf(method) : paperOrder.length) +
  (supervision === 'none' ? 0 : 0.5);

const percent = (ratio: number): string => (100 * ratio).toFixed(1);
