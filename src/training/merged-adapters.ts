// The adapters beside a directory's checkpoints, as checkpoints: each is merged with its base, if that is there, and again
// only where the adapter or what was made of it has changed.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { adapterFiles, readAdapter } from '../model/adapter-files.ts';
import { replaceFile, standingDirectory } from '../model/atomic-write.ts';
import { type Checkpoint, readCheckpoint } from '../model/checkpoint.ts';
import { adapterDirs } from '../model/checkpoint-dirs.ts';
import { fileSha256, readOptionalJson } from '../model/checkpoint-files.ts';
import type { Identified } from './measure.ts';
import { hasBase, howToGet, mergeAdapter } from './merge.ts';

/** sha256 of the adapter's files, and of the weights that were made of them. */
const stampSchema = z.strictObject({ adapter: z.string(), weights: z.string() });

export type MergedAdapters = {
  checkpoints: Checkpoint[];
  /** Whose base is not there; as they are when it is, by the figures that they keep. */
  absent: Identified[];
};

/** @param out where they are merged to: `out`/<id> */
export function mergedAdapters(dir: string, out: string): MergedAdapters {
  const checkpoints: Checkpoint[] = [];
  const absent: Identified[] = [];
  for (const path of adapterDirs(dir)) {
    const id = basename(path);
    const adapter = readAdapter(path);
    const target = join(out, id);
    if (isCurrent(path, target)) checkpoints.push(readCheckpoint(target));
    else if (hasBase(adapter)) checkpoints.push(merge(path, target));
    else {
      const { base, config, training, evalReport } = adapter;
      console.warn(`${id}: not evaluated again, its base ${base.path} is ${howToGet(base.path)}`);
      if (evalReport)
        absent.push({ dir: path, id, sha256: evalReport.checkpoint_sha256, config, training });
    }
  }
  return { checkpoints, absent };
}

function merge(path: string, target: string): Checkpoint {
  console.warn(`${path} → ${target}`);
  const checkpoint = mergeAdapter(path, target);
  const stamp = { adapter: adapterSha256(path), weights: checkpoint.sha256 };
  replaceFile(stampPath(target), JSON.stringify(stamp));
  return checkpoint;
}

function isCurrent(path: string, target: string): boolean {
  const stamp = readOptionalJson(stampPath(target), stampSchema);
  const weights = join(standingDirectory(target), 'model.safetensors');
  return (
    stamp?.adapter === adapterSha256(path) &&
    existsSync(weights) &&
    stamp.weights === fileSha256(weights)
  );
}

const stampPath = (target: string): string => `${target}.json`;

/** Of all that a merged checkpoint is made of, figures included. */
function adapterSha256(path: string): string {
  const standing = standingDirectory(path);
  const names = [...Object.values(adapterFiles), 'training.json', 'eval.json'];
  const hash = createHash('sha256');
  for (const name of names) {
    const file = join(standing, name);
    hash.update(existsSync(file) ? `${name} ${fileSha256(file)}\n` : '');
  }
  return hash.digest('hex');
}
