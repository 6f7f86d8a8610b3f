// Train step → batch. A batch depends on nothing but the run's seed and the step's number, so that a
// resumed run sees what an uninterrupted one would have seen.
import { Random } from '../random.ts';
import { collate, type StagedGroup, type TrainBatch } from './collate.ts';
import { type ShapePlan, shapePlan } from './compiled-shapes.ts';
import {
  chainIds,
  lastStage,
  methodStage,
  methodTokens,
  type StagedExample,
  type StageRule,
  stageExample,
  stageText,
  stageWalk,
} from './curriculum.ts';
import type { Example, ExampleGroup } from './datasets/example.ts';
import { addDecoderTargets } from './decoder-targets.ts';
import { addTeacher } from './distillation.ts';
import { methods } from './methods.ts';
import { excessOf } from './row-length.ts';
import { locateStep, removedTokensAt } from './schedule.ts';
import { addThoughtTargets } from './step-supervision.ts';
import { addStopTargets } from './stop-targets.ts';
import { MAX_SEGMENTS, type Segment, type TrainingConfig } from './training-config.ts';
import type { TrainingData } from './training-data.ts';

/** Batches drawn at once and cut by length, so that little is padded. */
const POOL_BATCHES = 16;

export type SourcedBatch = {
  /** One, or as many as the run asks for; their label weights sum to 1 together. */
  batches: TrainBatch[];
  /** Stage it was staged at, and tokens that the schedule had removed (iCoT). */
  stage: number;
  removedTokens: number;
  /** Whether the optimiser starts afresh before it. */
  resetsOptimizer: boolean;
};

export class BatchSource {
  readonly #config: TrainingConfig;
  readonly #data: TrainingData;
  readonly #shapes: ShapePlan;
  readonly #rule: StageRule;
  /** Token ids of names and concepts. */
  readonly #entities: ReadonlySet<number>;
  #pool: { key: string; batches: ExampleGroup[][] } | null = null;

  /** @param shapes how much the batches are padded, which changes no label */
  constructor(config: TrainingConfig, data: TrainingData, shapes = shapePlan('cpu', 0)) {
    this.#config = config;
    this.#shapes = shapes;
    this.#data = data;
    this.#rule = config;
    this.#entities = new Set(data.roles.entities.flat());
  }

  /** The batch of a train step (from 0). */
  batch(trainStep: number): SourcedBatch {
    const { segment, index, within } = locateStep(this.#config, trainStep);
    const pool = Math.floor(within / POOL_BATCHES);
    const groups = this.#poolOf(segment, index, pool, trainStep - (within % POOL_BATCHES))[
      within % POOL_BATCHES
    ]!;
    const random = new Random(this.#seed(index, 1, within));
    const stage = this.#drawStage(segment, random);
    const removedTokens = removedTokensAt(segment, within);
    const staged = groups.map((group) => this.#stage(group, segment, stage, removedTokens, random));
    const size = groups.length / this.#config.batch.microBatches;
    const batches = Array.from({ length: groups.length / size }, (_, i) => {
      const part = <T>(all: readonly T[]): T[] => all.slice(i * size, (i + 1) * size);
      return this.#collate(part(staged), part(groups), segment, stage);
    });
    joinWeights(batches);
    if (this.#config.dropout > 0) this.#drop(batches, random);
    const resetsOptimizer =
      (within === 0 && segment.resetOptimizer) || this.#removalRestarts(trainStep, groups);
    return { batches, stage, removedTokens, resetsOptimizer };
  }

  #collate(
    staged: readonly StagedGroup[],
    groups: readonly ExampleGroup[],
    segment: Segment,
    stage: number,
  ): TrainBatch {
    const isShared = staged.some(({ contextIds }) => contextIds.length > 0);
    const { shared, wholeRow } = this.#shapes;
    const batch = collate(staged, isShared ? shared : wholeRow);
    if (segment.structureWeight !== 1) this.#reweigh(batch, segment.structureWeight);
    if (segment.task === 'questions' && batch.shape.thoughts > 0)
      this.#addObjectives(batch, groups, stage);
    return batch;
  }

  #addObjectives(batch: TrainBatch, groups: readonly ExampleGroup[], stage: number): void {
    const config = this.#config;
    const { vocabulary } = this.#data;
    if (config.supervision === 'frontier') addThoughtTargets(batch, groups, this.#data, config);
    if (config.supervision === 'decoder')
      addDecoderTargets(batch, groups, stage, vocabulary, config);
    if (config.stopHead) addStopTargets(batch, config.stopHead.weight);
    if (config.distillation) addTeacher(batch, groups, this.#data, config);
  }

  /** @param random what staging has left of the step's own stream */
  #drop(batches: readonly TrainBatch[], random: Random): void {
    for (const batch of batches) {
      batch.shape.dropout = this.#config.dropout;
      batch.maskSeed = random.int(2 ** 32);
    }
  }

  /** iCoT's reset: the schedule has just risen, and some chain of the batch still had a token to lose. */
  #removalRestarts(trainStep: number, groups: readonly ExampleGroup[]): boolean {
    const { segment, within } = locateStep(this.#config, trainStep);
    if (!segment.removedTokens?.resetOptimizer || trainStep === 0) return false;
    const last = locateStep(this.#config, trainStep - 1);
    const before = removedTokensAt(last.segment, last.within);
    if (removedTokensAt(segment, within) <= before) return false;
    const { allBeyond } = this.#config.tokenRemoval;
    if (allBeyond !== null && before >= allBeyond) return false;
    const { vocabulary } = this.#data;
    return groups.some(({ examples }) =>
      examples.some(({ steps }) => chainIds(steps, vocabulary).length > before),
    );
  }

  /** Of the n-th draw in a stream: 0 = pools of data, 1 = a batch's stages. */
  #seed(segmentIndex: number, stream: number, n: number): number {
    return ((this.#config.seed * MAX_SEGMENTS + segmentIndex) * 2 + stream) * 1_000_003 + n;
  }

  /** @param firstStep the train step that its first batch is for */
  #poolOf(segment: Segment, index: number, pool: number, firstStep: number): ExampleGroup[][] {
    const key = `${index}/${pool}`;
    if (this.#pool?.key === key) return this.#pool.batches;
    const { groups: G, perGroup } = this.#config.batch;
    const random = new Random(this.#seed(index, 0, pool));
    const first = firstStep * G * perGroup;
    // Of a file no item may be drawn that the segment does not come to: the next one goes on behind it. Fresh items
    // are drawn by the whole pool, wherever the segment ends, so that a seed's batches do not depend on its length.
    const left = segment.trainSteps - pool * POOL_BATCHES;
    const size = this.#data.isInEpochs ? Math.min(POOL_BATCHES, left) : POOL_BATCHES;
    const drawn = this.#data.groups({ random, segment, groups: G * size, perGroup, first });
    drawn.sort((a, b) => textLength(a) - textLength(b));
    const batches = Array.from({ length: size }, (_, i) => drawn.slice(i * G, (i + 1) * G));
    this.#pool = { key, batches: random.shuffle(batches) };
    return this.#pool.batches;
  }

  /** Mixed stages (the reference's uniform_prob), drawn once per batch so that a batch has one shape. */
  #drawStage(segment: Segment, random: Random): number {
    const mixed = random.uniform() < segment.mixedStageProbability;
    const scheduled = mixed ? random.int(lastStage(this.#rule) + 1) : segment.stage;
    return methodStage(methods[this.#config.method], scheduled, this.#rule);
  }

  #stage(
    group: ExampleGroup,
    segment: Segment,
    stage: number,
    removedTokens: number,
    random: Random,
  ): StagedGroup {
    const { vocabulary } = this.#data;
    const contextIds = vocabulary.encode(group.context);
    const { tokenRemoval } = this.#config;
    const method = methods[this.#config.method];
    const staging: Record<Segment['task'], (example: Example) => StagedExample> = {
      questions: (example) => {
        const count = methodTokens(method, removedTokens, random, tokenRemoval);
        const removed = { count, keepPositions: tokenRemoval.keepPositions };
        return stageExample(example, method, stage, removed, this.#rule, vocabulary);
      },
      walks: (example) => stageWalk(example, vocabulary),
      text: (example) => stageText(example, segment.text, random, vocabulary),
    };
    const examples = group.examples.map(staging[segment.task]);
    examples.forEach((example, i) => {
      this.#checkLength(example, contextIds.length, group.context + group.examples[i]!.question);
    });
    return { contextIds, examples };
  }

  #checkLength(staged: StagedExample, contextLength: number, question: string): void {
    const excess = excessOf(staged, contextLength, this.#data.positions, question);
    if (excess !== null) throw new Error(`${this.#config.data.kind}: ${excess}`);
  }

  /** Labels that are no entity count `weight` of one that is. */
  #reweigh({ feeds, labelIds, labelMask }: TrainBatch, weight: number): void {
    const weights = feeds['label_weights']!.data as Float32Array;
    for (let i = 0; i < weights.length; i++)
      if (labelMask[i] === 1 && !this.#entities.has(labelIds[i]!)) weights[i]! *= weight;
  }
}

/** Characters of the longest text in a group, or of what its rows share, which outweighs the rest. */
function textLength({ context, examples }: ExampleGroup): number {
  if (context !== '') return context.length;
  return Math.max(
    ...examples.map(({ question, steps }) =>
      steps.reduce((sum, step) => sum + step.length, question.length),
    ),
  );
}

/** Inputs of the further objectives that hold the weights of their means. */
const objectiveWeights = [
  'thought_targets',
  'stop_targets',
  'decoder_label_weights',
  'teacher_label_weights',
  'distillation_weight',
];

/** Makes the text's means over each batch into shares of one mean over all labels; further losses have equal shares. */
function joinWeights(batches: readonly TrainBatch[]): void {
  const weightsOf = ({ feeds }: TrainBatch) => feeds['label_weights']!.data as Float32Array;
  const labels = batches.map(({ labelMask }) => labelMask.reduce((sum, bit) => sum + bit, 0));
  const counts = batches.map(
    (batch, i) => labels[i]! * weightsOf(batch).reduce((sum, weight) => sum + weight, 0),
  );
  const total = counts.reduce((sum, count) => sum + count, 0);
  batches.forEach((batch, i) => {
    scale(weightsOf(batch), labels[i]! / total);
    for (const name of objectiveWeights) {
      const fed = batch.feeds[name];
      if (fed) scale(fed.data as Float32Array, 1 / batches.length);
    }
  });
}

function scale(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i]! *= factor;
}
