// Which directories are checkpoints.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { refuseAdapter } from './checkpoint-files.ts';

/**
 * `path` itself, or those in it by name; one that is being replaced is left out.
 * @throws CheckpointError where `path` is an adapter
 */
export function checkpointDirs(path: string): string[] {
  const isCheckpoint = (dir: string) => existsSync(join(dir, 'config.json'));
  if (isCheckpoint(path)) return [path];
  refuseAdapter(path);
  return readdirSync(path)
    .filter((name) => !/\.(partial|previous)$/.test(name))
    .sort()
    .map((name) => join(path, name))
    .filter(isCheckpoint);
}
