// Staged examples → the tensors of one batch: questions padded on the left, so that all rows start
// thinking at the same column, tails on the right. Position ids count real tokens only.
import { MASKED } from '../model/attention.ts';
import { type Tensor, tensor } from '../onnx/session.ts';
import type { StagedExample } from './curriculum.ts';
import type { BatchShape } from './training-graph.ts';

export type StagedGroup = { contextIds: number[]; examples: StagedExample[] };

/**
 * What a length is rounded up to, so that few graphs serve all batches: a multiple, a number
 * doubled as often as it takes, or a power of two that is at most a quarter of the length and at most so many.
 */
export type Bucket = number | { doubledFrom: number } | { quartersUpTo: number };
export type Buckets = { context: Bucket; question: Bucket; tail: Bucket };

export type TrainBatch = {
  shape: BatchShape;
  feeds: Record<string, Tensor>;
  /** What the label columns shall be, row-major [B, labels], and 1 where that is a real label. */
  labelIds: Int32Array;
  labelMask: Uint8Array;
  /** Of its masks, where it has dropout. */
  maskSeed: number;
  /** Thoughts that each row has, B of them; shape.thoughts is the most. */
  thoughtCounts: number[];
  /** Context and, from its end on, tail of each row, before padding. */
  rows: { contextLength: number; tailIds: number[] }[];
};

type Side = 'left' | 'right';

/** Rows of ids → ids, position ids (from `starts[row]`) and key bias, padded on one side. */
export function padRows(
  name: string,
  rows: readonly number[][],
  starts: readonly number[],
  length: number,
  side: Side,
): Record<string, Tensor> {
  const B = rows.length;
  const ids = new BigInt64Array(B * length);
  const positions = new BigInt64Array(B * length);
  const bias = new Float32Array(B * length).fill(MASKED);
  rows.forEach((row, b) => {
    const first = b * length + (side === 'left' ? length - row.length : 0);
    row.forEach((id, t) => {
      ids[first + t] = BigInt(id);
      positions[first + t] = BigInt(starts[b]! + t);
      bias[first + t] = 0;
    });
    // A padded query sees the row's real keys, never only padding, so that its softmax stays tame.
    if (side === 'right')
      positions.fill(BigInt(starts[b]! + row.length - 1), first + row.length, first + length);
  });
  return {
    [`${name}_ids`]: tensor('int64', ids, [B, length]),
    [`${name}_position_ids`]: tensor('int64', positions, [B, length]),
    [`${name}_bias`]: tensor('float32', bias, [B, 1, 1, length]),
  };
}

export const longest = (rows: readonly number[][]): number =>
  Math.max(...rows.map((row) => row.length));
export function roundUp(n: number, bucket: Bucket): number {
  if (n === 0) return 0;
  if (typeof bucket === 'number') return Math.ceil(n / bucket) * bucket;
  if ('quartersUpTo' in bucket) {
    const quarter = 2 ** Math.max(0, Math.floor(Math.log2(n)) - 2);
    return roundUp(n, Math.min(quarter, bucket.quartersUpTo));
  }
  const { doubledFrom: least } = bucket;
  return least * 2 ** Math.ceil(Math.log2(Math.max(1, n / least)));
}

/**
 * All groups of a batch hold equally many examples. Rows with fewer thoughts than others ride along.
 * Groups without a shared context (contextIds empty) become a batch without one.
 */
export function collate(groups: readonly StagedGroup[], buckets: Buckets): TrainBatch {
  const examples = groups.flatMap((group) => group.examples);
  const contexts = groups.map((group) => group.contextIds);
  const { unlabelled } = examples[0]!;
  const thoughtCounts = examples.map(({ thoughts }) => thoughts);
  const K = Math.max(...thoughtCounts);
  const perGroup = groups[0]!.examples.length;
  const odd = examples.findIndex((example) => example.unlabelled !== unlabelled);
  if (odd >= 0)
    throw new Error(
      `collate: row ${odd} has ${examples[odd]!.unlabelled} unlabelled, row 0 has ${unlabelled}`,
    );
  const uneven = groups.findIndex((group) => group.examples.length !== perGroup);
  if (uneven >= 0)
    throw new Error(
      `collate: group ${uneven} has ${groups[uneven]!.examples.length} rows, group 0 has ${perGroup}`,
    );

  const shared = contexts.some((ids) => ids.length > 0);
  const questions = examples.map((example) => example.questionIds);
  const tails = examples.map((example) => example.tailIds);
  const questionLength = roundUp(longest(questions), buckets.question);
  const mostWritten = Math.max(...examples.map(({ written }) => written));
  const B = examples.length;
  const shape: BatchShape = {
    contexts: shared ? groups.length : 0,
    contextLength: shared ? roundUp(longest(contexts), buckets.context) : 0,
    rows: B,
    questionLength,
    // The state before the first of them is the question's as well.
    writtenLength: Math.min(roundUp(mostWritten, buckets.tail), questionLength - 1),
    thoughts: K,
    tailLength: roundUp(longest(tails), buckets.tail),
    unlabelled,
    objectives: [],
    teacherLength: 0,
    decoder: null,
    dropout: 0,
  };
  const contextLengths = groups.flatMap((group) =>
    group.examples.map(() => group.contextIds.length),
  );
  const thoughtStarts = examples.map(
    (example, b) => contextLengths[b]! + example.questionIds.length,
  );
  const tailStarts = thoughtStarts.map(
    (start, b) => start + thoughtCounts[b]! + (examples[b]!.skippedPositions ?? 0),
  );
  const zeros = contexts.map(() => 0);
  const labels = labelsOf(examples, shape);
  const feeds = {
    ...(shared ? padRows('context', contexts, zeros, shape.contextLength, 'right') : {}),
    ...padRows('question', questions, contextLengths, shape.questionLength, 'left'),
    ...padRows('tail', tails, tailStarts, shape.tailLength, 'right'),
    ...(K > 0 ? thoughtColumns(thoughtStarts, thoughtCounts, K) : {}),
    label_weights: labels.weights,
  };
  const rows = tails.map((tailIds, b) => ({ contextLength: contextLengths[b]!, tailIds }));
  const { ids: labelIds, mask: labelMask } = labels;
  return { shape, feeds, labelIds, labelMask, maskSeed: 0, thoughtCounts, rows };
}

/** Columns past a row's own thoughts are masked, and stay at the position where its tail begins. */
function thoughtColumns(
  starts: readonly number[],
  counts: readonly number[],
  K: number,
): Record<string, Tensor> {
  const B = starts.length;
  const positions = new BigInt64Array(B * K);
  const bias = new Float32Array(B * K).fill(MASKED);
  starts.forEach((start, b) => {
    bias.fill(0, b * K, b * K + counts[b]!);
    for (let k = 0; k < K; k++) positions[b * K + k] = BigInt(start + Math.min(k, counts[b]!));
  });
  return {
    thought_position_ids: tensor('int64', positions, [B, K]),
    thought_bias: tensor('float32', bias, [B, 1, 1, K]),
  };
}

/** Of each row what it writes before its thoughts, ending in one column, then its tail without the unlabelled part. */
function labelsOf(
  examples: readonly StagedExample[],
  { writtenLength, tailLength, unlabelled }: BatchShape,
): { ids: Int32Array; mask: Uint8Array; weights: Tensor } {
  const width = writtenLength + tailLength - unlabelled;
  const ids = new Int32Array(examples.length * width);
  const mask = new Uint8Array(examples.length * width);
  examples.forEach(({ questionIds, written, tailIds }, b) => {
    const own = [...questionIds.slice(questionIds.length - written), ...tailIds.slice(unlabelled)];
    const first = b * width + writtenLength - written;
    ids.set(own, first);
    mask.fill(1, first, first + own.length);
  });
  const count = mask.reduce((sum, bit) => sum + bit, 0);
  return {
    ids,
    mask,
    weights: tensor(
      'float32',
      Float32Array.from(mask, (bit) => bit / count),
      [examples.length, width, 1],
    ),
  };
}
