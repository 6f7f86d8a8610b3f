// Measures one checkpoint on one set of items through the serving engine: as trained, at 0 to 8 thoughts, and with
// something else in place of its thoughts.

import { createHash } from 'node:crypto';
import type { Engine } from '../engine/engine.ts';
import type { GenerationRequest } from '../engine/messages.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import { methodOptions } from '../model/method-options.ts';
import type { ThoughtControl } from '../model/thought-control.ts';
import type { Example } from './datasets/example.ts';
import type { DataKind } from './datasets/formats.ts';
import {
  type ItemResult,
  type Judge,
  runItems,
  spoiltThoughts,
  summarizeRun,
  thoughtsAsServed,
  thoughtsOfOthers,
} from './evaluate.ts';
import { type Outcome, outcomes } from './inspect/outcome.ts';
import type { MeasuredRun, Measurement } from './measurement.ts';
import { longestQuestion } from './schedule.ts';
import { examplesOf } from './start-checkpoint.ts';
import { isTrainedHere, runOf } from './training-config.ts';

export type Items = {
  kind: DataKind;
  data: Measurement['data'];
  examples: readonly Example[];
  judge: Judge;
  /** Of the item at an index; null where the data set has no such split. */
  outcomeOf: ((index: number, text: string) => Outcome) | null;
};

/** accuracy: as trained, nothing else. */
export type Depth = 'whole' | 'accuracy';

const MAX_THOUGHTS = 8;

export async function measure(
  engine: Pick<Engine, 'submit'>,
  checkpoint: Checkpoint,
  items: Items,
  depth: Depth,
): Promise<Measurement> {
  const { filler } = checkpoint.config.coconut;
  const own = thoughtsAsServed(checkpoint);
  const run = (thoughtsOf: (index: number) => GenerationRequest['thoughts']) =>
    runItems(engine, checkpoint, items.examples, items.judge, thoughtsOf);
  const asTrained = await run(() => own);
  const toRun = (results: readonly ItemResult[]) => measuredRun(results, items.outcomeOf);
  const measurement = {
    ...identityOf(checkpoint),
    kind: items.kind,
    data: items.data,
    asTrained: toRun(asTrained),
  };
  if (filler !== 'thought' || depth === 'accuracy')
    return { ...measurement, controls: null, byThoughts: null };

  const byThoughts: MeasuredRun[] = [];
  for (let count = 0; count <= MAX_THOUGHTS; count++) {
    const isOwn = count === own.count && own.stopProbability === undefined;
    const results = isOwn ? asTrained : await run(() => ({ kind: 'model', count }));
    byThoughts.push(toRun(results));
  }
  const isParallel = checkpoint.config.coconut.latent_update.kind === 'jacobi';
  const spoilt = async (control: ThoughtControl) =>
    toRun(await run(isParallel ? spoiltThoughts(asTrained, control) : () => ({ ...own, control })));
  const others = await run(thoughtsOfOthers(asTrained));
  const controls = {
    zero: await spoilt('zero'),
    shuffle: await spoilt('shuffle'),
    noise: await spoilt('noise'),
    others: toRun(others),
  };
  return { ...measurement, controls, byThoughts };
}

function measuredRun(results: readonly ItemResult[], outcomeOf: Items['outcomeOf']): MeasuredRun {
  const { accuracy, mean_thoughts, mean_text_tokens, cut } = summarizeRun(results);
  return {
    accuracy,
    thoughts: mean_thoughts,
    textTokens: mean_text_tokens,
    cut,
    right: results.map(({ correct }) => (correct ? '1' : '0')).join(''),
    outcomes: outcomeOf && countOutcomes(results.map(({ text }, index) => outcomeOf(index, text))),
  };
}

function countOutcomes(list: readonly Outcome[]): MeasuredRun['outcomes'] {
  const counts = outcomes.map((name) => [name, list.filter((one) => one === name).length] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** What tells a checkpoint from others, whether its weights are there or not. */
export type Identified = Pick<Checkpoint, 'dir' | 'id' | 'sha256' | 'config' | 'training'>;

/** What a row of the tables is told apart by, from the checkpoint alone. */
export function identityOf(checkpoint: Identified) {
  const { id, sha256, config, training } = checkpoint;
  const { method, supervision, filler } = config.coconut;
  const options = methodOptions(config.coconut);
  const named = { checkpoint: id, sha256, method, supervision, options, filler };
  if (!isTrainedHere(checkpoint))
    return { ...named, examples: null, longestQuestion: null, seed: null, variant: id };
  const run = runOf(checkpoint);
  const { name, seed, threads, evaluateEverySteps, saveEverySteps, ...rest } = run;
  // Of a run that began elsewhere its own examples alone would be too few.
  const hasAll = rest.start.kind !== 'checkpoint' || 'startExamples' in training;
  const examples = hasAll && 'examples' in training ? examplesOf(checkpoint) : null;
  const variant = createHash('sha256').update(JSON.stringify(rest)).digest('hex').slice(0, 12);
  return { ...named, examples, longestQuestion: longestQuestion(run), seed, variant };
}
