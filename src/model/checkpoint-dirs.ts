// Which directories are checkpoints, and which adapters.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { adapterConfigFile, refuseAdapter } from './checkpoint-files.ts';

/**
 * `path` itself, or those in it by name; one that is being replaced is left out.
 * @throws CheckpointError where `path` is an adapter
 */
export function checkpointDirs(path: string): string[] {
  if (existsSync(join(path, 'config.json'))) return [path];
  refuseAdapter(path);
  return directoriesWith('config.json', path);
}

/** Those that stand beside the checkpoints of `path`, in its folder `adapters`; [] where there is none. */
export function adapterDirs(path: string): string[] {
  const folder = join(path, 'adapters');
  return existsSync(folder) ? directoriesWith(adapterConfigFile, folder) : [];
}

const directoriesWith = (file: string, folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => !/\.(partial|previous)$/.test(name))
    .sort()
    .map((name) => join(folder, name))
    .filter((dir) => existsSync(join(dir, file)));
