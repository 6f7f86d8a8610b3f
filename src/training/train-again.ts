// `table --train`: checkpoints → the same ones trained again by the run files that they record. A run that starts from
// another checkpoint starts from that one trained again, where it is among them.
import { basename, join, resolve } from 'node:path';
import { type Checkpoint, readCheckpoint } from '../model/checkpoint.ts';
import { bundleRun } from './bundle-command.ts';
import { trainToEnd } from './train-run.ts';
import { isTrainedHere, runOf, type TrainingConfig } from './training-config.ts';
import { untilStopped } from './until-stopped.ts';

/** One checkpoint to train; `after` is what it starts from, if that is trained again. */
type Plan = { checkpoint: Checkpoint; config: TrainingConfig; after: Checkpoint | null };

/**
 * Trains in `out`/<id> and keeps the checkpoints in `out`/models/<id>.
 *
 * @param wanted those that are asked for
 * @param known all that a run may start from
 * @returns by the id of the old one, what `wanted` starts from included; null where it was stopped
 * @throws before anything is trained, where a start is missing
 */
export async function trainAgain(
  wanted: readonly Checkpoint[],
  known: readonly Checkpoint[],
  out: string,
): Promise<Map<string, Checkpoint> | null> {
  const plans = inOrder(wanted, known);
  return untilStopped(async (stop) => {
    const trained = new Map<string, Checkpoint>();
    for (const { checkpoint, config, after } of plans) {
      const path = join(out, checkpoint.id);
      const start = after
        ? { kind: 'checkpoint' as const, path: trained.get(after.id)!.dir }
        : config.start;
      if ((await trainToEnd({ ...config, start }, path, { stop })) === 'stopped') return null;
      const target = join(out, 'models', checkpoint.id);
      trained.set(
        checkpoint.id,
        bundleRun(path, target, { half: false, maxWeightsBytes: Number.POSITIVE_INFINITY }),
      );
    }
    return trained;
  });
}

/** Each behind what it starts from. */
function inOrder(wanted: readonly Checkpoint[], known: readonly Checkpoint[]): Plan[] {
  const plans = new Map<string, Plan>();
  const missing: string[] = [];
  const add = (checkpoint: Checkpoint, behind: readonly string[]): void => {
    const { id } = checkpoint;
    if (behind.includes(id))
      throw new Error(`runs start from each other: ${[...behind, id].join(' → ')}`);
    if (plans.has(id)) return;
    const config = runOf(checkpoint);
    const { start } = config;
    const after =
      start.kind === 'checkpoint'
        ? (known.find((other) => isKeptAt(other, start.path)) ?? null)
        : null;
    if (after) add(after, [...behind, id]);
    else if (start.kind === 'checkpoint' && !isReadable(start.path))
      missing.push(`${id} starts from ${start.path}`);
    plans.set(id, { checkpoint, config, after });
  };
  for (const checkpoint of wanted) add(checkpoint, []);
  if (missing.length === 0) return [...plans.values()];
  throw new Error(
    `no checkpoint there, and none of a run of that name to train again: ${missing.join('; ')}`,
  );
}

/** By its own directory, or by the one that its run left it in: <out>/<name>/checkpoint. Only what was trained here. */
function isKeptAt(checkpoint: Checkpoint, path: string): boolean {
  if (!isTrainedHere(checkpoint)) return false;
  if (resolve(path) === resolve(checkpoint.dir)) return true;
  const { name } = runOf(checkpoint);
  return basename(path) === 'checkpoint' && basename(resolve(path, '..')) === name;
}

function isReadable(path: string): boolean {
  try {
    readCheckpoint(path);
    return true;
  } catch {
    return false; // the caller tells all that are missing at once
  }
}
