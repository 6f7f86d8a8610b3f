// Versions of what runs, out of the package.json files.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** @param path of a package.json, relative to this file or by the package's name */
export function versionOf(path: string): string {
  return (require(path) as { version: string }).version;
}

export const ownVersion: string = versionOf('../package.json');
