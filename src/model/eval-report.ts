// Schema of a checkpoint's eval.json: every figure measured for it, and on what.
// Written by src/training/evaluate-command.ts; read by the server for the metrics and by the model card.
import { z } from 'zod';

const ratio = z.number().min(0).max(1);

/** One way of running the items: as trained, or a control. */
const runSchema = z.strictObject({
  items: z.int().min(1),
  correct: z.int().min(0),
  accuracy: ratio,
  /** Wilson score interval, 95%. */
  accuracy_ci95: z.tuple([ratio, ratio]),
  mean_thoughts: z.number().min(0),
  /** Generated text tokens, <eos> not counted. */
  mean_text_tokens: z.number().min(0),
  sd_text_tokens: z.number().min(0),
  /** Thoughts plus text tokens, the paper's "# Tokens". */
  mean_total_tokens: z.number().min(0),
  /** Answers given up at the most text tokens allowed; absent where it was not counted. */
  cut: z.int().min(0).optional(),
});

export const evalReportSchema = z.strictObject({
  date: z.iso.datetime(),
  data: z.strictObject({ name: z.string(), sha256: z.string(), items: z.int().min(1) }),
  checkpoint_sha256: z.string(),
  as_trained: runSchema,
  /** Controls; null where the method has no thoughts. */
  zero_thoughts: runSchema.nullable(),
  /** Every item answered with another item's thoughts. */
  shuffled_thoughts: runSchema.nullable(),
  /** The chain-of-thought checkpoint of the same size, data and budget, on the same items. */
  cot_baseline: z
    .strictObject({
      checkpoint: z.string(),
      checkpoint_sha256: z.string(),
      accuracy: ratio,
      mean_text_tokens: z.number().min(0),
      sd_text_tokens: z.number().min(0),
      items: z.int().min(1),
    })
    .nullable(),
});

export type EvalRun = z.output<typeof runSchema>;
export type EvalReport = z.output<typeof evalReportSchema>;
