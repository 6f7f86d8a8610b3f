// An eval.json of invented figures, for the code that carries figures about.
import type { EvalReport } from '../../src/model/eval-report.ts';

/** Figures of the weights with this sha256. */
export function evalReportOf(sha256: string): EvalReport {
  const run = {
    items: 300,
    correct: 291,
    accuracy: 0.97,
    accuracy_ci95: [0.944, 0.984] as [number, number],
    mean_thoughts: 6,
    mean_text_tokens: 8.25,
    sd_text_tokens: 0,
    mean_total_tokens: 14.25,
  };
  return {
    date: '2026-01-02T03:04:05Z',
    data: { name: 'prosqa-valid', sha256: 'd'.repeat(64), items: 300 },
    checkpoint_sha256: sha256,
    as_trained: run,
    zero_thoughts: { ...run, accuracy: 0.5, mean_thoughts: 0, mean_total_tokens: 8.25 },
    shuffled_thoughts: null,
    cot_baseline: null,
  };
}
