// (example, method, stage) → tokens: which reasoning steps are gone, how many thoughts stand for them,
// and where the loss falls. Pure.
import type { Example } from './datasets/example.ts';
import type { MethodRow } from './methods.ts';

export type StageRule = {
  maxStage: number;
  thoughtsPerStep: number;
  /** Past maxStage: maxStage·c thoughts for everyone (true), or no more than the chain had steps. */
  padThoughts: boolean;
};

/** The stage after maxStage, in which no reasoning step is left. */
export const lastStage = (rule: StageRule): number => rule.maxStage + 1;

/** The stage that a method trains at when the curriculum says `scheduled`. */
export function methodStage(method: MethodRow, scheduled: number, rule: StageRule): number {
  if (method.stages === 'scheduled') return scheduled;
  return method.stages === 'first' ? 0 : lastStage(rule);
}

/**
 * The paper's stage rule: stage s replaces the first s reasoning steps by s·c thoughts, also in chains
 * shorter than s; past maxStage every step goes.
 */
export function stagePlan(
  stage: number,
  chainLength: number,
  rule: StageRule,
): { skippedSteps: number; thoughts: number } {
  if (stage <= rule.maxStage)
    return { skippedSteps: stage, thoughts: stage * rule.thoughtsPerStep };
  const replaced = rule.padThoughts ? rule.maxStage : Math.min(chainLength, rule.maxStage);
  return { skippedSteps: chainLength, thoughts: replaced * rule.thoughtsPerStep };
}

/** One example at one stage, as token ids. */
export type StagedExample = {
  /** Ends at the position before the first thought (<bot> where there are markers). */
  questionIds: number[];
  thoughts: number;
  /** What follows the thoughts: <eot> where there are markers, remaining steps, answer, <eos>. */
  tailIds: number[];
  /** Leading tail positions that carry no label: 1 for <eot>. */
  unlabelled: number;
};

/** The tokenizer's part that staging needs, and the ids of the marker tokens. */
export type StagingVocabulary = {
  encode: (text: string) => number[];
  bot: number;
  eot: number;
  pause: number;
  eos: number;
};

/** Text opening the final answer; the paper's. */
export const ANSWER_MARKER = '### ';

/** Question, newline, [<bot> thoughts <eot>], remaining steps a line each, `### answer`, <eos>. */
export function stageExample(
  example: Example,
  method: MethodRow,
  stage: number,
  rule: StageRule,
  vocabulary: StagingVocabulary,
): StagedExample {
  const { encode, bot, eot, pause, eos } = vocabulary;
  const { skippedSteps, thoughts } = stagePlan(stage, example.steps.length, rule);
  const question = encode(`${example.question}\n`);
  const chain = example.steps.slice(skippedSteps).flatMap((step) => encode(`${step}\n`));
  const ending = [...chain, ...encode(`${ANSWER_MARKER}${example.answer}`), eos];
  switch (method.filler) {
    case 'thought':
      return {
        questionIds: [...question, bot],
        thoughts,
        tailIds: [eot, ...ending],
        unlabelled: 1,
      };
    case 'pause':
      return {
        questionIds: [...question, ...Array<number>(thoughts).fill(pause)],
        thoughts: 0,
        tailIds: ending,
        unlabelled: 0,
      };
    case 'none':
      return { questionIds: question, thoughts: 0, tailIds: ending, unlabelled: 0 };
  }
}
