// Replaces files and directories so that a reader, or the next start after a crash, finds the old
// content or the new one, complete, never a mixture. Knows nothing of what is inside.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Replaces one file's content. */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const staging = `${path}.partial`;
  writeFileSync(staging, content);
  syncPath(staging);
  renameSync(staging, path);
  syncPath(dirname(resolve(path)));
}

/**
 * Replaces `dir` by a directory that `fill` writes (flat: files only). If `fill` throws, `dir` is
 * left as it was. No rename puts one full directory over another, so the old one steps aside to
 * `<dir>.previous` first; a crash in between is what standingDirectory() is for.
 */
export function replaceDirectory(dir: string, fill: (staging: string) => void): void {
  const target = resolve(dir);
  const staging = `${target}.partial`;
  const previous = previousOf(target);
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  try {
    fill(staging);
  } catch (error) {
    rmSync(staging, { recursive: true, force: true });
    throw error;
  }
  for (const name of readdirSync(staging)) syncPath(join(staging, name));
  syncPath(staging);
  if (existsSync(target)) {
    rmSync(previous, { recursive: true, force: true });
    renameSync(target, previous);
  }
  renameSync(staging, target);
  syncPath(dirname(target));
  rmSync(previous, { recursive: true, force: true });
}

/** Where the content of `dir` stands: itself, or its predecessor if a replacement was cut off. */
export function standingDirectory(dir: string): string {
  const previous = previousOf(resolve(dir));
  return !existsSync(dir) && existsSync(previous) ? previous : dir;
}

function previousOf(target: string): string {
  return `${target}.previous`;
}

/** Without this a power cut may keep a rename and lose the bytes it points at. */
function syncPath(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
