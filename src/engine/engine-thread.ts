// One life of the engine's worker thread: messages both ways, and exactly one end, by draining or by
// a crash. The tensors live in worker.ts.
import type { Worker } from 'node:worker_threads';
import { startWorker } from '../start-worker.ts';
import type { EngineOptions, FromWorker, ToWorker } from './messages.ts';

export type ThreadHandlers = {
  onMessage: (message: FromWorker) => void;
  /** Called once, when the thread is gone; null after it drained. */
  onEnd: (crash: Error | null) => void;
};

export type EngineThread = { post(message: ToWorker): void };

/** How the engine gets its threads; tests put scripted ones in their place. */
export type StartThread = (options: EngineOptions, handlers: ThreadHandlers) => EngineThread;

export const startEngineThread: StartThread = (options, handlers) =>
  asEngineThread(startWorker('engine/worker', options), handlers);

/** @param worker that runs worker.ts and has just been started */
export function asEngineThread(worker: Worker, { onMessage, onEnd }: ThreadHandlers): EngineThread {
  let isDrained = false;
  let crash: Error | null = null;
  worker.on('message', (message: FromWorker) => {
    if (message.kind === 'drained') isDrained = true;
    if (message.kind === 'failed') crash = new Error(message.message);
    onMessage(message);
  });
  worker.on('error', (error: Error) => {
    crash = error;
  });
  worker.on('exit', (code) => {
    onEnd(isDrained ? null : (crash ?? new Error(`the engine's thread ended with code ${code}`)));
  });
  return { post: (message) => worker.postMessage(message) };
}
