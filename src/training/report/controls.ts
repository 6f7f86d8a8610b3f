// Whether a checkpoint's thoughts carry its answers: what happens with something else in their place, in figures and
// in plain words. Pure.
import { type MeasuredRun, type Measurement, rightItems } from '../measurement.ts';
import type { TextTable } from './comparison.ts';
import { type McNemar, mcNemar, probability } from './paired-test.ts';
import { hundredths, integer, percent } from './units.ts';

/** Above this a difference may be chance. */
const LEVEL = 0.01;

type Thinking = Measurement & {
  controls: NonNullable<Measurement['controls']>;
  byThoughts: NonNullable<Measurement['byThoughts']>;
};

const hasControls = (measurement: Measurement): measurement is Thinking =>
  measurement.controls !== null && measurement.byThoughts !== null;

/** What is fed in place of the thoughts, a column each. */
export function controlRows(measured: readonly Measurement[]): TextTable | null {
  const thinking = measured.filter(hasControls);
  if (thinking.length === 0) return null;
  return {
    head: [
      'accuracy (%)',
      'own thoughts',
      'none',
      'zeros',
      'own, shuffled',
      'noise',
      'another item’s',
    ],
    rows: thinking.map(({ checkpoint, asTrained, byThoughts, controls }) => [
      checkpoint,
      ...[
        asTrained,
        byThoughts[0]!,
        controls.zero,
        controls.shuffle,
        controls.noise,
        controls.others,
      ].map(({ accuracy }) => hundredths(accuracy)),
    ]),
  };
}

/** A sentence or two for each checkpoint that thinks. `measured` are all of one data file. */
export function verdicts(measured: readonly Measurement[]): string[] {
  const others = measured.filter(({ filler }) => filler !== 'thought' && filler !== 'none');
  return measured
    .filter(hasControls)
    .map((thinking) => `${bearing(thinking)} ${againstFillers(thinking, others)}`);
}

function bearing({ checkpoint, asTrained, byThoughts, controls }: Thinking): string {
  const { p, isWorse } = compared(asTrained, controls.others);
  const own = percent(asTrained.accuracy);
  const swapped = `${percent(controls.others.accuracy)} with another item’s thoughts, ${own} with its own (p ${sign(p)})`;
  const noise = `with noise ${percent(controls.noise.accuracy)}`;
  if (isWorse) return `${checkpoint}: its thoughts are load-bearing: ${swapped}; ${noise}.`;
  const none = byThoughts[0]!;
  const bare = `without any ${percent(none.accuracy)}`;
  const needsPlaces = compared(asTrained, none).isWorse
    ? `It needs their positions (${bare}), not what is in them.`
    : `It does not even need their positions (${bare}).`;
  return `${checkpoint}: its thoughts are NOT load-bearing: ${swapped}; ${noise}. ${needsPlaces}`;
}

/** Against those that were taught to answer after something else in the same places. */
function againstFillers({ asTrained, examples }: Thinking, others: readonly Measurement[]): string {
  if (others.length === 0) return 'No pause control is trained on this data.';
  return others
    .map((other) => {
      const { p, isWorse, onlyFirst, onlySecond } = compared(asTrained, other.asTrained);
      const better =
        onlySecond > onlyFirst && p < LEVEL
          ? 'worse than'
          : `not shown to be better than (level ${LEVEL})`;
      return `It is ${isWorse ? 'better than' : better} the ${other.filler} control ${other.checkpoint} (${percent(other.asTrained.accuracy)}, p ${sign(p)}${budgets(examples, other.examples)}).`;
    })
    .join(' ');
}

/** Where they differ, a difference in accuracy may be one in training. */
const budgets = (own: number | null, other: number | null): string =>
  own === other ? '' : `; ${count(other)} examples against its own ${count(own)}`;

const count = (examples: number | null): string =>
  examples === null ? 'an unknown number of' : integer(examples);

/** isWorse: the second run, by more than chance. */
function compared(first: MeasuredRun, second: MeasuredRun): McNemar & { isWorse: boolean } {
  const outcome = mcNemar(rightItems(first), rightItems(second));
  return { ...outcome, isWorse: outcome.p < LEVEL && outcome.onlyFirst > outcome.onlySecond };
}

const sign = (p: number): string => (p < 0.001 ? probability(p) : `= ${probability(p)}`);
