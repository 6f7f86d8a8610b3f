// The thread of one run among several: trains it, tells how far it is, and saves it when told to stop.
import { parentPort, workerData } from 'node:worker_threads';
import type { RunBar } from './progress-bars.ts';
import type { FromRun, RunOrder } from './train-many.ts';
import { trainToEnd } from './train-run.ts';

const { config, path, device } = workerData as RunOrder;
const tell = (message: FromRun): void => parentPort!.postMessage(message);
/** More often than this nobody looks. */
const UPDATE_MS = 500;
let told = 0;

const bar: RunBar = {
  begin: (totalSteps) => tell({ kind: 'begin', totalSteps }),
  update: (trainStep, figures) => {
    if (performance.now() - told < UPDATE_MS) return;
    told = performance.now();
    tell({ kind: 'update', trainStep, figures });
  },
  end: () => {},
};

const stop = new AbortController();
parentPort!.once('message', () => stop.abort());
try {
  tell({ kind: 'end', end: await trainToEnd(config, path, { device, stop: stop.signal }, bar) });
} finally {
  parentPort!.close(); // it would wait for a word to stop
}
