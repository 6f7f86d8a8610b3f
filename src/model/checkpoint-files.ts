// One file of a checkpoint at a time: read it, parse it, and report whatever is wrong with it as a
// CheckpointError that names the file.
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { SafetensorsError } from './safetensors-header.ts';

export class CheckpointError extends Error {
  override name = 'CheckpointError';
  readonly file: string;
  constructor(file: string, reason: string, options?: ErrorOptions) {
    super(`${file}: ${reason}`, options);
    this.file = file;
  }
}

export function readJson<T>(path: string, schema: z.ZodType<T>): T {
  const json: unknown = within(path, () => JSON.parse(readFileSync(path, 'utf8')));
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new CheckpointError(path, issues.join('; '));
}

/** null where the file does not exist. */
export function readOptionalJson<T>(path: string, schema: z.ZodType<T>): T | null {
  try {
    return readJson(path, schema);
  } catch (error) {
    if (error instanceof CheckpointError && isMissingFile(error.cause)) return null;
    throw error;
  }
}

function isMissingFile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Runs what concerns the file at `path`; its failures become CheckpointErrors. */
export function within<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof SafetensorsError) throw new CheckpointError(path, cause.reason, { cause });
    const reason = isMissingFile(cause) ? 'file is missing' : (cause as Error).message;
    throw new CheckpointError(path, reason, { cause });
  }
}

/** As the JSON files of a directory are written. */
export const toJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** What tells an adapter from a checkpoint. */
export const adapterConfigFile = 'adapter_config.json';

/** Throws CheckpointError where `dir` is an adapter, which is no model without its base. */
export function refuseAdapter(dir: string): void {
  if (existsSync(join(dir, 'config.json')) || !existsSync(join(dir, adapterConfigFile))) return;
  const command = `npm run merge -- ${dir} <checkpoint>`;
  throw new CheckpointError(
    dir,
    `an adapter, no checkpoint: ${command} makes one of it and its base`,
  );
}

/** sha256 of a file's bytes, in hex. */
export function fileSha256(path: string): string {
  const hash = createHash('sha256');
  // In pieces: weights can be larger than a buffer.
  const piece = new Uint8Array(2 ** 20);
  const file = openSync(path, 'r');
  try {
    for (;;) {
      const count = readSync(file, piece);
      if (count === 0) return hash.digest('hex');
      hash.update(piece.subarray(0, count));
    }
  } finally {
    closeSync(file);
  }
}
