// Where <eot> goes, measured: accuracy against mean thoughts for each way to end the thinking. A fixed number, the
// stop head at several thresholds, and thoughts that no longer turn.
import type { Engine } from '../engine/engine.ts';
import type { ModelThoughts, ThoughtSource } from '../engine/messages.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import type { Example } from './datasets/example.ts';
import { type Judge, runItems, summarizeRun } from './evaluate.ts';

export type StoppingPoint = {
  rule: string;
  accuracy: number;
  meanThoughts: number;
  /** Share of items that thought exactly as often as their chain has reasoning steps. */
  ownNumber: number;
};

const PROBABILITIES = [0.1, 0.3, 0.5, 0.7, 0.9];
const COSINES = [0.8, 0.9, 0.95, 0.99];

/** Every rule on all items; rules of a stop head only where the checkpoint has one. */
export async function stoppingCurve(
  engine: Engine,
  checkpoint: Checkpoint,
  items: readonly Example[],
  judge: Judge,
): Promise<StoppingPoint[]> {
  const { id, config } = checkpoint;
  const { filler, max_stage, thoughts_per_step, default_thoughts, stop_head, latent_update } =
    config.coconut;
  if (filler !== 'thought')
    throw new Error(`${id}: its method ${config.coconut.method} has no thoughts to stop`);
  const most = Math.max(default_thoughts, max_stage * thoughts_per_step);
  const rules: [string, ThoughtSource][] = [
    ...Array.from({ length: most + 1 }, (_, count) => rule(`fixed ${count}`, { count })),
    ...(stop_head ? PROBABILITIES : []).map((stopProbability) =>
      rule(`classifier ${stopProbability}`, { count: most, stopProbability }),
    ),
    ...(latent_update.kind === 'sequential' ? COSINES : []).map((stopCosine) =>
      rule(`convergence ${stopCosine}`, { count: most, stopCosine }),
    ),
  ];
  const points: StoppingPoint[] = [];
  for (const [name, thoughts] of rules) {
    const results = await runItems(engine, checkpoint, items, judge, () => thoughts);
    const { accuracy, mean_thoughts } = summarizeRun(results);
    const own = results.filter(
      (result, i) => result.thoughts === items[i]!.steps.length * thoughts_per_step,
    ).length;
    const ownNumber = own / items.length;
    points.push({ rule: name, accuracy, meanThoughts: mean_thoughts, ownNumber });
  }
  return points;
}

function rule(name: string, settings: Omit<ModelThoughts, 'kind'>): [string, ThoughtSource] {
  return [name, { kind: 'model', ...settings }];
}

export function stoppingTable(points: readonly StoppingPoint[]): string {
  const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)}%`.padStart(8);
  return [
    `${'thinking ends at'.padEnd(20)}    acc.  thoughts  as many as steps`,
    ...points.map(
      ({ rule, accuracy, meanThoughts, ownNumber }) =>
        `${rule.padEnd(20)}${percent(accuracy)}${meanThoughts.toFixed(2).padStart(10)}${percent(ownNumber)}`,
    ),
  ].join('\n');
}
