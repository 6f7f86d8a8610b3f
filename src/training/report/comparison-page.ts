// The comparison as one Markdown page: a part per data file, then the sets out of distribution. Pure.
import type { DataKind } from '../datasets/formats.ts';
import type { Measurement } from '../measurement.ts';
import {
  generatedRows,
  type Method,
  methodRows,
  pairedRows,
  type TextTable,
  thoughtRows,
  toMarkdown,
} from './comparison.ts';
import { controlRows, verdicts } from './controls.ts';
import { paperFigures } from './paper-figures.ts';
import { groupBy } from './series.ts';

export type Planned = Method & { kind: DataKind };

/** One data file's tables; a data set that nothing was measured on has only the first. */
export type DataPart = {
  title: string;
  methods: TextTable;
  verdicts: string[];
  controls: TextTable | null;
  thoughts: TextTable | null;
  paired: TextTable | null;
  measured: Measurement[];
};

/** @param planned what the run files would train */
export function dataParts(
  measurements: readonly Measurement[],
  planned: readonly Planned[],
): DataPart[] {
  const published = measurements.filter(({ data }) => !data.generated);
  const kinds = new Set<DataKind>([
    ...published.map(({ kind }) => kind),
    ...(Object.keys(paperFigures.coconut) as DataKind[]),
    ...planned.map(({ kind }) => kind),
  ]);
  return [...kinds].flatMap((kind) => {
    const ours = published.filter((measurement) => measurement.kind === kind);
    const plans = planned.filter((plan) => plan.kind === kind);
    if (ours.length === 0) return [part(kind, kind, [], plans)];
    // Files of one name may hold other items: only the same ones are compared.
    const files = [...groupBy(ours, ({ data }) => `${data.sha256} ${data.items}`).values()];
    return files.map((measured) => {
      const { name, items } = measured[0]!.data;
      return part(kind, `${kind}: ${name}, ${items} items`, measured, plans);
    });
  });
}

function part(
  kind: DataKind,
  title: string,
  measured: Measurement[],
  plans: readonly Method[],
): DataPart {
  return {
    title,
    methods: methodRows(kind, measured, plans),
    verdicts: verdicts(measured),
    controls: controlRows(measured),
    thoughts: thoughtRows(measured),
    paired: pairedRows(measured),
    measured,
  };
}

export function comparisonPage(
  measurements: readonly Measurement[],
  planned: readonly Planned[],
): string {
  const parts = dataParts(measurements, planned).map(partText);
  const generated = generatedRows(measurements);
  return [
    '# Comparison of methods',
    'Written by `npm run table`, which measures the checkpoints of `models/` through the serving engine (`--anew`: all of them\nagain; `--ood`: out of distribution, too; `--train`: trained again from their recorded run files first). Accuracy is mean ±\nstandard deviation over seeds; tokens are thoughts plus text, markers not counted. Paper: Coconut, arXiv 2412.06769, table 1\n(GPT-2 small, pretrained). Ours are small models from scratch, or low-rank adapters over a pretrained\none (`models/adapters/`), so only the order of methods compares.',
    ...parts,
    ...(generated ? [generatedText(measurements, generated)] : []),
  ]
    .join('\n\n')
    .concat('\n');
}

function partText({ title, methods, verdicts, controls, thoughts, paired }: DataPart): string {
  const section = (name: string, table: TextTable | null): string[] =>
    table ? [`### ${name}`, toMarkdown(table)] : [];
  const said = verdicts.map((verdict) => `- ${verdict}`).join('\n');
  return [
    `## ${title}`,
    toMarkdown(methods),
    ...(said === '' ? [] : ['### Do the thoughts carry the answer?', said]),
    ...section('With something else in place of the thoughts', controls),
    ...section('Accuracy (%) by number of thoughts', thoughts),
    ...section('Paired tests', paired),
  ].join('\n\n');
}

function generatedText(measurements: readonly Measurement[], table: TextTable): string {
  const { items } = measurements.find(({ data }) => data.generated)!.data;
  return [
    '## prosqa, out of distribution',
    `Sets that the generator draws, ${items} items each: questions of 7 and 8 hops (as in training where it had such), plain graphs without lineages, denser graphs, and graphs whose two shortcuts are levelled (docs/data.md). The replication's sets are its own.`,
    toMarkdown(table),
  ].join('\n\n');
}
