// The step-supervised variant: each thought's own read-out (lm_head on the thought) is asked for the words
// that a breadth-first search holds at that depth, uniformly. Not plain Coconut: config.json says so.
import { tensor } from '../onnx/session.ts';
import type { TrainBatch } from './collate.ts';
import type { ExampleGroup } from './datasets/example.ts';
import type { TrainingConfig } from './training-config.ts';
import type { TrainingData } from './training-data.ts';

/** Adds thought_targets [B, K, V]: row sums are 1/B where a frontier exists, else 0. @throws at a word of several tokens */
export function addThoughtTargets(
  batch: TrainBatch,
  groups: readonly ExampleGroup[],
  data: TrainingData,
  { hopsPerThought }: TrainingConfig,
): void {
  const { shape, thoughtCounts } = batch;
  const { rows: B, thoughts: K } = shape;
  const V = data.tokenizer.vocabSize;
  const one = (word: string): number => {
    const ids = data.vocabulary.encode(` ${word}`);
    if (ids.length === 1) return ids[0]!;
    throw new Error(
      `supervision: the word "${word}" is ${ids.length} tokens, a thought is asked for one`,
    );
  };
  const { frontiers: frontiersOf } = data;
  if (frontiersOf === null) throw new Error('the data has no frontiers to supervise thoughts with');
  const targets = new Float32Array(B * K * V);
  const questions = groups.flatMap(({ context, examples }) =>
    examples.map(({ question }) => context + question),
  );
  questions.forEach((question, b) => {
    const frontiers = frontiersOf(question);
    for (let k = 0; k < thoughtCounts[b]!; k++) {
      const words = frontiers.slice(k * hopsPerThought, (k + 1) * hopsPerThought).flat();
      for (const word of words) {
        targets[(b * K + k) * V + one(word)]! += 1 / (B * words.length);
      }
    }
  });
  shape.objectives.push('frontier');
  batch.feeds['thought_targets'] = tensor('float32', targets, [B, K, V]);
}
