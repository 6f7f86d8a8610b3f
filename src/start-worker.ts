// Starts a worker thread from the build or, where there is none, from the sources. What is said to it and how it
// ends is its starter's.
import { Worker } from 'node:worker_threads';
import './onnx/telemetry-off.ts';

/** @param entry the thread's module, as a path below this directory without its ending, e.g. 'engine/worker' */
export function startWorker(entry: string, workerData: unknown): Worker {
  const isBuilt = import.meta.url.endsWith('.js');
  const file = isBuilt ? `./${entry}.js` : './thread-from-sources.mjs';
  return new Worker(new URL(file, import.meta.url), {
    workerData,
    argv: [`${entry}.ts`],
    // Not this process's own flags: under `tsx` they would load it a second time.
    execArgv: [],
  });
}
