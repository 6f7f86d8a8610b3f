// One life of the engine's worker thread: messages both ways, and exactly one end, by draining or by
// a crash. The tensors live in worker.ts.
import { Worker } from 'node:worker_threads';
import '../onnx/telemetry-off.ts';
import type { EngineOptions, FromWorker, ToWorker } from './messages.ts';

export type ThreadHandlers = {
  onMessage: (message: FromWorker) => void;
  /** Called once, when the thread is gone; null after it drained. */
  onEnd: (crash: Error | null) => void;
};

export type EngineThread = { post(message: ToWorker): void };

/** How the engine gets its threads; tests put scripted ones in their place. */
export type StartThread = (options: EngineOptions, handlers: ThreadHandlers) => EngineThread;

export const startEngineThread: StartThread = (options, handlers) => {
  const isBuilt = import.meta.url.endsWith('.js');
  const entry = isBuilt ? './worker.js' : '../thread-from-sources.mjs';
  return startThread(new URL(entry, import.meta.url), options, handlers);
};

/** @param entry of the thread: worker.ts, or what leads to it */
export function startThread(
  entry: URL,
  options: EngineOptions,
  { onMessage, onEnd }: ThreadHandlers,
): EngineThread {
  // Not this process's own flags: under `tsx` they would load it a second time.
  const worker = new Worker(entry, {
    workerData: options,
    argv: ['engine/worker.ts'],
    execArgv: [],
  });
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
