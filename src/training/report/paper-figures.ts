// What the Coconut paper reports (arXiv 2412.06769, table 1: GPT-2 small): accuracy in per cent and generated tokens,
// thoughts included and markers not, by method and data set.
import type { DataKind } from '../datasets/formats.ts';
import type { MethodName } from '../methods.ts';

export type PaperFigure = { accuracy: number; spread: number | null; tokens: number };

const figure = (accuracy: number, spread: number | null, tokens: number): PaperFigure => ({
  accuracy,
  spread,
  tokens,
});

type PaperRow = Partial<Record<DataKind, PaperFigure>>;

const row = (gsm8k: PaperFigure, prontoqa: PaperFigure, prosqa: PaperFigure): PaperRow => ({
  gsm8k,
  prontoqa,
  prosqa,
});

/** iCoT's GSM8k figure is quoted there from its own paper, without a spread. */
export const paperFigures: Readonly<Record<MethodName, PaperRow>> = {
  cot: row(figure(42.9, 0.2, 25.0), figure(98.8, 0.8, 92.5), figure(77.5, 1.9, 49.4)),
  'no-cot': row(figure(16.5, 0.5, 2.2), figure(93.8, 0.7, 3.0), figure(76.7, 1.0, 8.2)),
  icot: row(figure(30.0, null, 2.2), figure(99.8, 0.3, 3.0), figure(98.2, 0.3, 8.2)),
  pause: row(figure(16.4, 1.8, 2.2), figure(77.7, 21.0, 3.0), figure(75.9, 0.7, 8.2)),
  coconut: row(figure(34.1, 1.5, 8.2), figure(99.8, 0.2, 9.0), figure(97.0, 0.3, 14.2)),
  'without-curriculum': row(
    figure(14.4, 0.8, 8.2),
    figure(52.4, 0.4, 9.0),
    figure(76.1, 0.2, 14.2),
  ),
  'without-thought': row(figure(21.6, 0.5, 2.3), figure(99.9, 0.1, 3.0), figure(95.5, 1.1, 8.2)),
  'pause-as-thought': row(figure(24.1, 0.7, 2.2), figure(100.0, 0.1, 3.0), figure(96.6, 0.8, 8.2)),
  'pause-multipass': {},
  'zero-as-thought': {},
};

/**
 * A replication's accuracies out of distribution (github.com/bmarti44/research-pipeline, GPT-2 small, one seed), in per
 * cent. Its plain graphs and denser graphs are its own, as ours are ours: see docs/data.md.
 */
export const replicatedSets: readonly { name: string; accuracies: Record<string, number> }[] = [
  set('CoT, GPT-2, replication', 10.7, 8.2, 28.2, 14.1),
  set('Coconut, GPT-2, replication', 66.0, 67.5, 59.2, 61.2),
  set('pause, GPT-2, replication', 75.4, 75.1, 51.9, 68.4),
  set('pause, multi-pass, GPT-2, replication', 76.9, 75.2, 59.8, 64.8),
];

function set(name: string, sevenHops: number, eightHops: number, dag: number, dense: number) {
  return { name, accuracies: { '7-hop': sevenHops, '8-hop': eightHops, dag, dense } };
}
