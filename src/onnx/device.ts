// The devices that graphs can run on, and which adapter is behind WebGPU. ONNX Runtime's Node API does
// not tell, so Linux is asked: a hardware driver holds its device files open, a software one has none.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

export const devices = ['cpu', 'webgpu', 'cuda'] as const;
export type Device = (typeof devices)[number];

/** unknown: not on Linux, where neither is told from the other. */
export type Adapter = { kind: 'hardware' | 'software' | 'unknown'; name: string };

const deviceFile = /^\/dev\/(nvidia|dri\/|dxg|kfd|mali)/;
/** Vulkan drivers, without the loader that finds them. */
const driverLibrary = /(libvk_|libvulkan_|nvidia|libGLX_nv).*\.so/;

/** What the process computes on, once it has a WebGPU session. */
export function currentAdapter(): Adapter {
  if (process.platform !== 'linux') return { kind: 'unknown', name: process.platform };
  return adapterOf(openFiles(), loadedFiles());
}

/** currentAdapter(); throws where it is a software one, unless `allowed`. `how`: what allows it. */
export function usableAdapter(allowed: boolean, how: string): Adapter {
  const adapter = currentAdapter();
  if (adapter.kind !== 'software' || allowed) return adapter;
  throw new Error(
    `device webgpu: no GPU, only a software adapter (${adapter.name}); ${how} to use it all the same`,
  );
}

/**
 * @param open paths of the process's open files
 * @param loaded paths of the libraries in its memory
 */
export function adapterOf(open: readonly string[], loaded: readonly string[]): Adapter {
  const held = distinct(open.filter((path) => deviceFile.test(path)));
  if (held.length > 0) return { kind: 'hardware', name: held.join(', ') };
  const drivers = distinct(
    loaded.map((path) => basename(path)).filter((n) => driverLibrary.test(n)),
  );
  return { kind: 'software', name: drivers.join(', ') || 'none' };
}

function openFiles(): string[] {
  const folder = '/proc/self/fd';
  return readdirSync(folder).flatMap((file) => {
    try {
      return readlinkSync(`${folder}/${file}`);
    } catch {
      return []; // closed in the meantime, as the listing's own is
    }
  });
}

function loadedFiles(): string[] {
  const lines = readFileSync('/proc/self/maps', 'utf8').split('\n');
  return lines.flatMap((line) => /\s(\/.*)$/.exec(line)?.[1] ?? []);
}

const distinct = (names: readonly string[]): string[] => [...new Set(names)].sort();
