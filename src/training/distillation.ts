// CODI (arXiv 2502.21074): the same model on the chain in words teaches itself on the thoughts. Fills the inputs of
// the objective `distillation`: the teacher's text and labels, and where both begin the answer. Its projection of
// thoughts through an MLP is left out: a thought here is fed back as it is.
import { tensor } from '../onnx/session.ts';
import { longest, padRows, roundUp, type TrainBatch } from './collate.ts';
import {
  ANSWER_MARKER,
  nothingRemoved,
  type StagingVocabulary,
  stageExample,
} from './curriculum.ts';
import type { ExampleGroup } from './datasets/example.ts';
import { methods } from './methods.ts';
import { excessOf } from './row-length.ts';
import type { TrainingConfig } from './training-config.ts';
import type { TrainingData } from './training-data.ts';

const BUCKET = 16;

/** @param groups the examples of the batch's rows, in order */
export function addTeacher(
  batch: TrainBatch,
  groups: readonly ExampleGroup[],
  { vocabulary, positions }: Pick<TrainingData, 'vocabulary' | 'positions'>,
  config: TrainingConfig,
): void {
  const { weight, teacherWeight } = config.distillation!;
  const { shape, feeds, rows } = batch;
  const examples = groups.flatMap((group) => group.examples);
  const staged = examples.map((example) =>
    stageExample(example, methods.cot, 0, nothingRemoved, config, vocabulary),
  );
  staged.forEach((text, b) => {
    const excess = excessOf(text, rows[b]!.contextLength, positions, examples[b]!.question);
    if (excess !== null) throw new Error(`${config.data.kind}, the teacher: ${excess}`);
  });
  const texts = staged.map(({ questionIds, tailIds }) => [...questionIds, ...tailIds]);
  const length = roundUp(longest(texts), BUCKET);
  const starts = rows.map(({ contextLength }) => contextLength);
  const labels = staged.reduce((sum, { tailIds }) => sum + tailIds.length, 0);
  const weights = new Float32Array(texts.length * (length - 1));
  texts.forEach((text, b) => {
    const first = b * (length - 1) - 1;
    const each = teacherWeight / labels;
    weights.fill(each, first + staged[b]!.questionIds.length, first + text.length);
  });
  const answers = examples.map(({ answer }) => fromAnswer(answer, vocabulary));
  const at = (ids: readonly (readonly number[])[], width: number) => {
    const data = new Float32Array(ids.length * width);
    for (const [b, row] of ids.entries()) data[b * width + row.length - answers[b]!] = 1;
    return tensor('float32', data, [ids.length, width, 1]);
  };
  shape.objectives.push('distillation');
  shape.teacherLength = length;
  Object.assign(feeds, padRows('teacher', texts, starts, length, 'right'), {
    teacher_label_weights: tensor('float32', weights, [texts.length, length - 1, 1]),
    answer_at: at(
      rows.map(({ tailIds }) => tailIds),
      shape.tailLength,
    ),
    teacher_answer_at: at(texts, length),
    distillation_weight: tensor('float32', Float32Array.of(weight), []),
  });
}

/** Tokens from the last one before the answer to the end of the text, both counted. */
function fromAnswer(answer: string, { encode }: StagingVocabulary): number {
  const marker = encode(ANSWER_MARKER.trimEnd()).length;
  const eos = 1;
  return encode(`${ANSWER_MARKER}${answer}`).length - marker + eos + 1;
}
