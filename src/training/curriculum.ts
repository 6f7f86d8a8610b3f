// (example, method, stage) → tokens: which reasoning steps are gone, how many thoughts stand for them,
// and where the loss falls. Pure.
import { fillers } from '../model/fillers.ts';
import type { Random } from '../random.ts';
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
  return method.stages === 'last' ? lastStage(rule) : 0;
}

/** How iCoT (arXiv 2405.14838) removes tokens, beside the schedule of how many. */
export type TokenRemoval = {
  /** λ of the removal smoothing; null: every row loses exactly the scheduled number. */
  smoothing: number | null;
  /** From this scheduled number on the whole chain goes; null: never before its own end. */
  allBeyond: number | null;
  /** Whether what is left of a row stays at the positions that it would have with the whole chain. */
  keepPositions: boolean;
};

/** Removal smoothing: o further tokens with probability (1 − e^−λ)·e^−λo. */
export function smoothingOffset(random: Random, smoothing: number | null): number {
  return smoothing === null ? 0 : Math.floor(-Math.log(1 - random.uniform()) / smoothing);
}

/** Tokens that the schedule takes from every chain; infinitely many are all of them. */
export function scheduledTokens(
  scheduled: number,
  { allBeyond }: Pick<TokenRemoval, 'allBeyond'>,
): number {
  return allBeyond !== null && scheduled >= allBeyond ? Number.POSITIVE_INFINITY : scheduled;
}

/** Tokens of a row's chain that are gone, counted from the left; more than it has means all of them. */
export function methodTokens(
  method: MethodRow,
  scheduled: number,
  random: Random,
  removal: Pick<TokenRemoval, 'smoothing' | 'allBeyond'>,
): number {
  if (method.stages !== 'tokens') return 0;
  const tokens = scheduledTokens(scheduled, removal);
  return Number.isFinite(tokens) ? tokens + smoothingOffset(random, removal.smoothing) : tokens;
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
  /** Positions left out before the tail; none without. */
  skippedPositions?: number;
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

/** The chain as the model is to write it: a line per reasoning step. */
export const chainIds = (steps: readonly string[], { encode }: StagingVocabulary): number[] =>
  steps.flatMap((step) => encode(`${step}\n`));

/** Tokens that one row's chain has lost, from the left, of what its stage leaves; more than it has: all. */
export type RemovedTokens = { count: number; keepPositions: boolean };

export const nothingRemoved: RemovedTokens = { count: 0, keepPositions: false };

/** Question, newline, [<bot> thoughts <eot>], remaining steps a line each, `### answer`, <eos>. */
export function stageExample(
  example: Example,
  method: MethodRow,
  stage: number,
  removed: RemovedTokens,
  rule: StageRule,
  vocabulary: StagingVocabulary,
): StagedExample {
  const { encode, bot, eot, pause, eos } = vocabulary;
  const { isMarked, slot, ownPasses } = fillers[method.filler];
  const { skippedSteps, thoughts } = stagePlan(stage, example.steps.length, rule);
  const chain = chainIds(example.steps.slice(skippedSteps), vocabulary);
  const kept = chain.slice(removed.count);
  const pausesInQuestion = slot === 'pause' && !ownPasses ? thoughts : 0;
  return {
    questionIds: [
      ...encode(`${example.question}\n`),
      ...(isMarked ? [bot] : []),
      ...Array<number>(pausesInQuestion).fill(pause),
    ],
    thoughts: ownPasses ? thoughts : 0,
    tailIds: [
      ...(isMarked ? [eot] : []),
      ...kept,
      ...encode(`${ANSWER_MARKER}${example.answer}`),
      eos,
    ],
    unlabelled: isMarked ? 1 : 0,
    skippedPositions: removed.keepPositions ? chain.length - kept.length : 0,
  };
}
