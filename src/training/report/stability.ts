// How steadily a run trained, in figures: what each stage border does to the loss, and how far single gradients stand
// out. Pure; what makes runs steadier is for the table over variants and seeds to say.
import { mean, median } from '../statistics.ts';
import type { TextTable } from './comparison.ts';
import { meanAndSpread } from './markdown.ts';
import type { RunMetrics, TrainPoint } from './run-metrics.ts';
import { groupBy, largestGroup } from './series.ts';

/** Train steps over which the loss is averaged on either side of a border. */
const WINDOW = 10;

/** A gradient norm this many times its segment's median is called a spike. */
const SPIKE = 4;

export type BorderJump = {
  /** Segment that begins at the border. */
  segment: number;
  /** Text loss after the border over text loss before it, means of 10 steps at the segments' own stages. */
  ratio: number;
  /** Train steps until the loss is back where it was; null: not within the segment. */
  recovery: number | null;
};

export type Stability = {
  jumps: BorderJump[];
  /** Highest gradient norm of the questions over the median of its segment. */
  gradientPeak: number;
  /** Share of train steps whose gradient norm is above four times their segment's median. */
  spikes: number;
  /** Over the last tenth of the run. */
  endLoss: number;
  endRows: number;
  /** The last measured; null: none. */
  validation: number | null;
};

/** @throws for a run without train steps on questions */
export function stabilityOf({ train, validation }: RunMetrics): Stability {
  const questions = train.filter(({ task }) => task === 'questions');
  if (questions.length === 0) throw new Error('no train step on questions');
  const segments = [...groupBy(questions, ({ segment }) => segment).values()];
  const peaks = segments.flatMap((points) => {
    const middle = median(points.map(({ gradNorm }) => gradNorm));
    return points.map(({ gradNorm }) => gradNorm / middle);
  });
  const own = ownStage(segments.at(-1)!);
  const end = own.slice(-Math.ceil(questions.length / 10));
  return {
    jumps: segments.slice(1).flatMap((after, i) => borderJump(segments[i]!, after)),
    gradientPeak: Math.max(...peaks),
    spikes: peaks.filter((peak) => peak > SPIKE).length / peaks.length,
    endLoss: mean(end.map(({ answerLoss }) => answerLoss)),
    endRows: mean(end.map(({ rowAccuracy }) => rowAccuracy)),
    validation: validation.at(-1)?.accuracy ?? null,
  };
}

/** None where the two segments are of one stage: other borders change the data, not the curriculum. */
function borderJump(before: readonly TrainPoint[], after: readonly TrainPoint[]): BorderJump[] {
  const [old, next] = [ownStage(before), ownStage(after)];
  if (old[0]!.stage === next[0]!.stage) return [];
  const loss = ({ answerLoss }: TrainPoint): number => answerLoss;
  const level = mean(old.slice(-WINDOW).map(loss));
  const losses = next.map(loss);
  const back = losses.findIndex(
    (_, i) => i + 1 >= WINDOW && mean(losses.slice(i + 1 - WINDOW, i + 1)) <= level,
  );
  return [
    {
      segment: next[0]!.segment,
      ratio: mean(losses.slice(0, WINDOW)) / level,
      recovery: back < 0 ? null : next[back]!.trainStep - after[0]!.trainStep + 1,
    },
  ];
}

/** The points at the stage that most of the segment was drawn at: mixed-in stages have losses of their own. */
const ownStage = (segment: readonly TrainPoint[]): TrainPoint[] =>
  largestGroup(groupBy(segment, ({ stage }) => stage))[1];

/** A row per variant, its seeds together. */
export function stabilityRows(
  runs: readonly { variant: string; stability: Stability }[],
): TextTable {
  const head = [
    'variant',
    'seeds',
    'worst loss jump (×)',
    'borders recovered from',
    'steps to recover',
    'gradient peak (× median)',
    'spikes (% of steps)',
    'loss at the end',
    'rows right at the end (%)',
    'validation (%)',
  ];
  const rows = [...groupBy(runs, ({ variant }) => variant)].map(([variant, seeds]) => [
    variant,
    `${seeds.length}`,
    ...variantCells(seeds.map(({ stability }) => stability)),
  ]);
  return { head, rows };
}

function variantCells(seeds: readonly Stability[]): string[] {
  const jumps = seeds.flatMap((seed) => seed.jumps);
  const recoveries = jumps.flatMap(({ recovery }) => recovery ?? []);
  const validations = seeds.flatMap(({ validation }) => validation ?? []);
  const spread = (values: readonly number[], digits: number): string =>
    values.length === 0 ? '–' : meanAndSpread(values, digits);
  const worst = seeds
    .filter((seed) => seed.jumps.length > 0)
    .map((seed) => Math.max(...seed.jumps.map(({ ratio }) => ratio)));
  return [
    spread(worst, 2),
    `${recoveries.length} of ${jumps.length}`,
    spread(recoveries, 0),
    spread(
      seeds.map(({ gradientPeak }) => gradientPeak),
      1,
    ),
    spread(
      seeds.map(({ spikes }) => 100 * spikes),
      1,
    ),
    spread(
      seeds.map(({ endLoss }) => endLoss),
      3,
    ),
    spread(
      seeds.map(({ endRows }) => 100 * endRows),
      1,
    ),
    spread(
      validations.map((accuracy) => 100 * accuracy),
      1,
    ),
  ];
}
