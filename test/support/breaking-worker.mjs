// The engine's worker from the sources, with a runtime that breaks in the first run after so many
// requests, as workerData.breaks says: the run's outputs never arrive ('throw') or the thread is gone ('exit').
import { parentPort, workerData } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

register();
const { Session } = await import('../../src/onnx/session.ts');
const healthyRun = Session.prototype.runInPlace;
let requestsLeft = workerData.breaks.requests;
parentPort.on('message', ({ kind }) => {
  if (kind === 'submit') requestsLeft -= 1;
});
Session.prototype.runInPlace = async function run(...feeds) {
  const outputs = await healthyRun.apply(this, feeds);
  if (requestsLeft > 0) return outputs;
  if (workerData.breaks.how === 'throw') throw new Error('the runtime broke');
  process.exit(3);
  // The thread is stopped at its next turn, not by the call.
  return new Promise(() => {});
};
await import('../../src/engine/worker.ts');
