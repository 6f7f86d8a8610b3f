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
};
