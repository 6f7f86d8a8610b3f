// SIM-CoT's targets (arXiv 2509.20317): the words of the reasoning step that each group of c thoughts stands for.
// The last group takes all steps that are left; a chain with too few steps has its answer for the rest.
import { MASKED } from '../model/attention.ts';
import { tensor } from '../onnx/session.ts';
import { longest, roundUp, type TrainBatch } from './collate.ts';
import { ANSWER_MARKER, type StagingVocabulary, splitChain } from './curriculum.ts';
import type { ExampleGroup } from './datasets/example.ts';
import { decoderLayersOf, type TrainingConfig } from './training-config.ts';

const BUCKET = 8;

/** Fills the inputs of the objective `decoder`. @param stage that the batch was staged at */
export function addDecoderTargets(
  batch: TrainBatch,
  groups: readonly ExampleGroup[],
  stage: number,
  vocabulary: StagingVocabulary,
  config: TrainingConfig,
): void {
  const { shape, feeds, thoughtCounts } = batch;
  const { thoughtsPerStep: c } = config;
  const perRow = shape.thoughts / c;
  const texts = groups
    .flatMap(({ examples }) => examples)
    .flatMap((example, b) => {
      const { replaced } = splitChain(example.steps, stage, config);
      const own = groupTexts(replaced, example.answer, thoughtCounts[b]! / c);
      return Array.from({ length: perRow }, (_, k) => idsOf(own[k], vocabulary));
    });
  const N = texts.length;
  const length = roundUp(longest(texts), BUCKET);
  const labels = texts.reduce((sum, ids) => sum + ids.length, 0);
  const ids = new BigInt64Array(N * length);
  const weights = new Float32Array(N * length);
  const bias = new Float32Array(N * (c + length)).fill(MASKED);
  texts.forEach((text, n) => {
    ids.set(text.map(BigInt), n * length);
    weights.fill(1 / labels, n * length, n * length + text.length);
    bias.fill(0, n * (c + length), n * (c + length) + c + text.length);
  });
  const positions = BigInt64Array.from({ length: N * (c + length) }, (_, i) =>
    BigInt(i % (c + length)),
  );
  shape.objectives.push('decoder');
  shape.decoder = { layers: decoderLayersOf(config), length };
  Object.assign(feeds, {
    decoder_ids: tensor('int64', ids, [N, length]),
    decoder_position_ids: tensor('int64', positions, [N, c + length]),
    decoder_bias: tensor('float32', bias, [N, 1, 1, c + length]),
    decoder_label_weights: tensor('float32', weights, [N, length, 1]),
  });
}

/** What each of a row's groups of thoughts stands for. */
function groupTexts(replaced: readonly string[], answer: string, groups: number): string[] {
  return Array.from({ length: groups }, (_, k) => {
    const own = k === groups - 1 ? replaced.slice(k) : replaced.slice(k, k + 1);
    return own.length > 0 ? own.join('\n') : `${ANSWER_MARKER}${answer}`;
  });
}

const idsOf = (text: string | undefined, { encode, eos }: StagingVocabulary): number[] =>
  text === undefined ? [] : [...encode(text), eos];
