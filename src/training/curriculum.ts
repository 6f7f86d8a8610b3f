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
  /** First steps that stay in words, before the thoughts: stages are of the steps after them. */
  wordSteps: number;
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

/** What becomes of a chain's steps at a stage: they stay before the thoughts, make way for them, or stay behind them. */
export function splitChain(
  steps: readonly string[],
  stage: number,
  rule: StageRule,
): { first: string[]; replaced: string[]; left: string[]; thoughts: number } {
  const [first, rest] = [steps.slice(0, rule.wordSteps), steps.slice(rule.wordSteps)];
  const { skippedSteps, thoughts } = stagePlan(stage, rest.length, rule);
  return {
    first,
    replaced: rest.slice(0, skippedSteps),
    left: rest.slice(skippedSteps),
    thoughts,
  };
}

/** One example at one stage, as token ids. */
export type StagedExample = {
  /** Ends at the position before the first thought (<bot> where there are markers). */
  questionIds: number[];
  /** Last ones of them that carry a label: the first steps and <bot>, where the model is to write both. */
  written: number;
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

/** Question, newline, first steps, [<bot> thoughts <eot>], remaining steps a line each, `### answer`, <eos>. */
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
  const { first, left, thoughts } = splitChain(example.steps, stage, rule);
  const words = chainIds(first, vocabulary);
  const chain = chainIds(left, vocabulary);
  const kept = chain.slice(removed.count);
  const pausesInQuestion = slot === 'pause' && !ownPasses ? thoughts : 0;
  const [before, after] = isMarked ? [[...words, bot], [eot]] : [[], words];
  return {
    questionIds: [
      ...encode(`${example.question}\n`),
      ...before,
      ...Array<number>(pausesInQuestion).fill(pause),
    ],
    // Straight after the question <bot> is forced, so nobody has to learn it.
    written: rule.wordSteps > 0 ? before.length : 0,
    thoughts: ownPasses ? thoughts : 0,
    tailIds: [...after, ...kept, ...encode(`${ANSWER_MARKER}${example.answer}`), eos],
    unlabelled: isMarked ? 1 : 0,
    skippedPositions: removed.keepPositions ? chain.length - kept.length : 0,
  };
}

/** A line break, the chain a line per step, <eos>: every token a label. */
export function stageWalk({ steps }: Example, vocabulary: StagingVocabulary): StagedExample {
  const { encode, eos } = vocabulary;
  return {
    questionIds: encode('\n'),
    written: 0,
    thoughts: 0,
    tailIds: [...chainIds(steps, vocabulary), eos],
    unlabelled: 0,
  };
}

/** Where thoughts stand in plain text: so many, at a token between two shares of its length. */
export type TextPlace = { thoughts: number; place: readonly [low: number, high: number] };

/**
 * Question and chain as one text, with <bot> thoughts <eot> at a random token and labels from there on: what
 * comes next is all that a thought can be good for.
 */
export function stageText(
  { question, steps }: Example,
  { thoughts, place: [low, high] }: TextPlace,
  random: Random,
  vocabulary: StagingVocabulary,
): StagedExample {
  const { encode, bot, eot, eos } = vocabulary;
  const text = [...encode(`${question}\n`), ...chainIds(steps, vocabulary)];
  // A token before the thoughts and one after them, wherever the shares fall.
  const at = (share: number) =>
    Math.min(Math.max(Math.round(share * text.length), 1), text.length - 1);
  const start = at(low) + random.int(at(high) - at(low) + 1);
  return {
    questionIds: [...text.slice(0, start), bot],
    written: 0,
    thoughts,
    tailIds: [eot, ...text.slice(start), eos],
    unlabelled: 1,
  };
}
