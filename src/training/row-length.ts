// Whether rows fit into the model's positions: told before the first step where a file holds the items, and at its batch
// where they are drawn. An index past the positions would otherwise fail in the graph, hours into a run.
import { Random } from '../random.ts';
import {
  ANSWER_MARKER,
  lastStage,
  methodStage,
  nothingRemoved,
  type StagedExample,
  type StagingVocabulary,
  stageExample,
  stageText,
} from './curriculum.ts';
import type { Example } from './datasets/example.ts';
import { methods } from './methods.ts';
import type { TrainingConfig } from './training-config.ts';

/** What is wrong with a row that is longer than the model's positions; null where it fits. */
export function excessOf(
  { questionIds, thoughts, tailIds, skippedPositions = 0 }: StagedExample,
  contextLength: number,
  positions: number,
  question: string,
): string | null {
  const text = skippedPositions + tailIds.length;
  const total = contextLength + questionIds.length + thoughts + text;
  if (total <= positions) return null;
  return (
    `a row takes ${total} positions (context ${contextLength}, question ${questionIds.length}, ` +
    `thoughts ${thoughts}, text ${text}), the model has ${positions}: "${question.slice(0, 60)}…"; ` +
    'give the model more or leave the item out'
  );
}

/**
 * Examples of a file whose rows fit at every stage of the run.
 *
 * @throws at the first that does not, unless data.tooLong has them left out, which tells how many
 */
export function fittingExamples(
  file: string,
  examples: readonly Example[],
  config: TrainingConfig,
  vocabulary: StagingVocabulary,
  positions: number,
  tooLong: 'refuse' | 'leave-out',
): Example[] {
  const stagings = stagingsOf(config, vocabulary);
  const mostThoughts = Math.max(0, ...stagings.map((stage) => stage(longChain).thoughts));
  const fitting = examples.filter((example) => {
    // A token is at least a byte, so most rows need not be encoded to know that they fit.
    if (textBytes(example) + mostThoughts + MARKERS <= positions) return true;
    const excess = stagings
      .map((stage) => excessOf(stage(example), 0, positions, example.question))
      .find((problem) => problem !== null);
    if (excess === undefined) return true;
    if (tooLong === 'leave-out') return false;
    throw new Error(`${file}: ${excess} (data.tooLong: "leave-out")`);
  });
  const left = examples.length - fitting.length;
  if (fitting.length === 0)
    throw new Error(`${file}: all ${left} examples take more than ${positions} positions`);
  if (left > 0)
    console.warn(
      `${file}: ${left} of ${examples.length} examples left out, longer than ${positions} positions`,
    );
  return fitting;
}

/** <bot>, <eot> and <eos>. */
const MARKERS = 3;

/** Longer than any curriculum: it has as many thoughts as a stage can have. */
const longChain: Example = { question: '', steps: Array<string>(100).fill(''), answer: '' };

const textBytes = ({ question, steps, answer }: Example): number =>
  Buffer.byteLength([question, ...steps, `${ANSWER_MARKER}${answer}`].join('\n'));

/** Every way in which the run makes rows of an example. Nothing is removed: rows only get shorter by it. */
function stagingsOf(
  config: TrainingConfig,
  vocabulary: StagingVocabulary,
): ((example: Example) => StagedExample)[] {
  const method = methods[config.method];
  const scheduled = config.segments.flatMap(({ task, stage, mixedStageProbability }) => {
    if (task !== 'questions') return [];
    return mixedStageProbability > 0 ? [stage, ...Array(lastStage(config) + 1).keys()] : [stage];
  });
  const stages = new Set(scheduled.map((stage) => methodStage(method, stage, config)));
  const rows = [
    ...[...stages].map((stage) => ({ method, stage })),
    ...(config.distillation ? [{ method: methods.cot, stage: 0 }] : []),
  ];
  return [
    ...rows.map(
      ({ method, stage }) =>
        (example: Example) =>
          stageExample(example, method, stage, nothingRemoved, config, vocabulary),
    ),
    ...config.segments
      .filter(({ task }) => task === 'text')
      .map(
        ({ text }) =>
          (example: Example) =>
            stageText(example, text, new Random(0), vocabulary),
      ),
  ];
}
