// Scores a checkpoint on a data set's items through the serving engine: what is scored is what is served.
// Always with the controls: no thoughts at all, and each item answered with another item's thoughts.
import type { Engine } from '../engine/engine.ts';
import type { ModelThoughts, ThoughtSource, TokenEvent } from '../engine/messages.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import type { EvalRun } from '../model/eval-report.ts';
import { STOP_PROBABILITY } from '../model/model-config.ts';
import { trainedPlace } from '../model/prompt.ts';
import { controlled, splitThoughts, type ThoughtControl } from '../model/thought-control.ts';
import type { Example } from './datasets/example.ts';
import { questionRequest } from './question-request.ts';

/** Text tokens after which an answer is given up: at least so many, and twice the longest right one. */
const LEAST_TEXT_CAP = 128;

const noThoughts = { kind: 'model', count: 0 } as const;

export type ItemResult = {
  correct: boolean;
  text: string;
  thoughts: number;
  textTokens: number;
  /** Whether the answer was given up at the cap. */
  isCut: boolean;
  vectors: Float32Array | null;
};

export type Judge = (example: Example, text: string) => boolean;

/** Text tokens after which the items' answers are given up. */
export function textCap({ tokenizer, config }: Checkpoint, items: readonly Example[]): number {
  const marker = config.coconut.answer_marker;
  const lengths = items.map(
    ({ steps, answer }) => tokenizer.encode([...steps, `${marker}${answer}`].join('\n')).length,
  );
  return Math.max(LEAST_TEXT_CAP, 2 * Math.max(...lengths));
}

/** Runs every item greedily, all submitted at once; results in the items' order. */
export async function runItems(
  engine: Pick<Engine, 'submit'>,
  checkpoint: Checkpoint,
  items: readonly Example[],
  judge: Judge,
  thoughtsOf: (index: number) => ThoughtSource,
): Promise<ItemResult[]> {
  const place = trainedPlace(checkpoint.config);
  const cap = textCap(checkpoint, items);
  return Promise.all(
    items.map(async (example, index) => {
      const request = questionRequest(checkpoint, example.question, thoughtsOf(index), place);
      const events = engine.submit({
        ...request,
        maxTokens: Math.min(cap, request.maxTokens),
        // Greedy: the seed only tells one item's noise from another's.
        sampling: { ...request.sampling, seed: index },
        returnThoughts: true,
      });
      return scoreItem(events, example, checkpoint, judge);
    }),
  );
}

async function scoreItem(
  events: AsyncIterable<TokenEvent>,
  example: Example,
  { tokenizer }: Checkpoint,
  judge: Judge,
): Promise<ItemResult> {
  const ids: number[] = [];
  for await (const event of events) {
    if (event.kind === 'token') ids.push(event.tokenId);
    if (event.kind === 'finished') {
      const { thoughts, answerTokens } = event.usage;
      const text = tokenizer.decode(ids);
      return {
        correct: judge(example, text),
        text,
        thoughts,
        textTokens: answerTokens,
        isCut: event.reason === 'length',
        vectors: event.thoughts,
      };
    }
  }
  throw new Error('the engine ended a request without a finished event');
}

/** Accuracy and token counts of a run. */
export function summarizeRun(results: readonly ItemResult[]): EvalRun {
  const items = results.length;
  const correct = results.filter((result) => result.correct).length;
  const mean = (value: (result: ItemResult) => number): number =>
    results.reduce((sum, result) => sum + value(result), 0) / items;
  const thoughts = mean((result) => result.thoughts);
  const text = mean((result) => result.textTokens);
  return {
    items,
    correct,
    accuracy: correct / items,
    accuracy_ci95: wilsonInterval(correct, items),
    mean_thoughts: thoughts,
    mean_text_tokens: text,
    sd_text_tokens: Math.sqrt(mean((result) => (result.textTokens - text) ** 2)),
    mean_total_tokens: thoughts + text,
    cut: results.filter(({ isCut }) => isCut).length,
  };
}

/** 95% score interval of a proportion (Wilson 1927). */
export function wilsonInterval(successes: number, trials: number): [number, number] {
  const z = 1.959964;
  const p = successes / trials;
  const center = p + z ** 2 / (2 * trials);
  const spread = z * Math.sqrt((p * (1 - p)) / trials + z ** 2 / (4 * trials ** 2));
  const scale = 1 + z ** 2 / trials;
  return [Math.max(0, (center - spread) / scale), Math.min(1, (center + spread) / scale)];
}

/** What a request gets that says nothing about thoughts. */
export function thoughtsAsServed({ config }: Pick<Checkpoint, 'config'>): ModelThoughts {
  const { default_thoughts: count, stop_head } = config.coconut;
  return { kind: 'model', count, ...(stop_head && { stopProbability: STOP_PROBABILITY }) };
}

/** For each item the thoughts that the next one had. */
export function thoughtsOfOthers(results: readonly ItemResult[]): (index: number) => ThoughtSource {
  return (index) => {
    const { thoughts, vectors } = results[(index + 1) % results.length]!;
    return { kind: 'given', count: thoughts, vectors: vectors! };
  };
}

/**
 * Each item's own thoughts, spoilt when all of them are known: for those that are refined together, where a control has
 * no thought to spoil before the next.
 */
export function spoiltThoughts(
  results: readonly ItemResult[],
  control: ThoughtControl,
): (index: number) => ThoughtSource {
  return (index) => {
    const { thoughts: count, vectors } = results[index]!;
    const spoilt = new Float32Array(vectors!.length);
    splitThoughts(vectors!, count).forEach((own, i) => {
      spoilt.set(controlled(own, control, index * count + i), i * own.length);
    });
    return { kind: 'given', count, vectors: spoilt };
  };
}

/** As trained, and where the method thinks: without thoughts, and with the next item's. */
export async function evaluateCheckpoint(
  engine: Engine,
  checkpoint: Checkpoint,
  items: readonly Example[],
  judge: Judge,
): Promise<{
  as_trained: EvalRun;
  zero_thoughts: EvalRun | null;
  shuffled_thoughts: EvalRun | null;
}> {
  const asServed = thoughtsAsServed(checkpoint);
  const own = await runItems(engine, checkpoint, items, judge, () => asServed);
  // Before its first stage with thoughts a run has none to swap.
  if (checkpoint.config.coconut.filler !== 'thought' || asServed.count === 0) {
    return { as_trained: summarizeRun(own), zero_thoughts: null, shuffled_thoughts: null };
  }
  const none = await runItems(engine, checkpoint, items, judge, () => noThoughts);
  const shuffled = await runItems(engine, checkpoint, items, judge, thoughtsOfOthers(own));
  return {
    as_trained: summarizeRun(own),
    zero_thoughts: summarizeRun(none),
    shuffled_thoughts: summarizeRun(shuffled),
  };
}
