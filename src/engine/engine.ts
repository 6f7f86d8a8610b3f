// The main thread's handle on the engine: submit, abort, drain. The tensors live in worker.ts.
import { Worker } from 'node:worker_threads';
import '../onnx/telemetry-off.ts';
import { apiError } from '../errors.ts';
import { EventStream } from './event-stream.ts';
import type {
  EngineOptions,
  FromWorker,
  GenerationRequest,
  StepReport,
  TokenEvent,
  ToWorker,
} from './messages.ts';
import { positionsOf } from './request-check.ts';

export type EngineState = 'loading' | 'ready' | 'draining' | 'failed' | 'stopped';
export type EngineInfo = { slots: number; slotCapacity: number; loadMs: number };

export interface Engine {
  readonly state: EngineState;
  /** Resolves once the worker has built its session; rejects if it could not. */
  ready(): Promise<EngineInfo>;
  /**
   * Events of one request, ending in exactly one `finished`. Aborting the signal ends it with
   * reason 'aborted' within one engine step. Throws an ApiError when the queue is full
   * (server_is_overloaded), the request does not fit a slot (context_length_exceeded), the engine
   * is about to stop (engine_unavailable) or has failed (server_error); the iteration throws a
   * server_error when the request or the engine fails later.
   */
  submit(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<TokenEvent>;
  onStep(listener: (report: StepReport) => void): void;
  /** Finish what was submitted, then stop the worker between runs. */
  drain(): Promise<void>;
}

/**
 * Starts the worker at once; requests may be submitted while it loads.
 * @param limits queueLimit: requests that may wait beyond those that have a slot
 */
export function startEngine(options: EngineOptions, limits: { queueLimit: number }): Engine {
  return new WorkerEngine(options, limits.queueLimit);
}

function startWorker(options: EngineOptions): Worker {
  const isBuilt = import.meta.url.endsWith('.js');
  const entry = isBuilt ? './worker.js' : './worker-from-sources.mjs';
  // Not this process's own flags: under `tsx` they would load it a second time.
  return new Worker(new URL(entry, import.meta.url), { workerData: options, execArgv: [] });
}

class WorkerEngine implements Engine {
  readonly #worker: Worker;
  readonly #options: EngineOptions;
  readonly #queueLimit: number;
  readonly #streams = new Map<number, EventStream>();
  readonly #listeners: ((report: StepReport) => void)[] = [];
  readonly #ready: Promise<EngineInfo>;
  readonly #exited: Promise<void>;
  #settleReady = { resolve: (_: EngineInfo) => {}, reject: (_: Error) => {} };
  #state: EngineState = 'loading';
  #failure: Error | null = null;
  #lastId = 0;

  constructor(options: EngineOptions, queueLimit: number) {
    this.#options = options;
    this.#queueLimit = queueLimit;
    this.#worker = startWorker(options);
    this.#worker.on('message', (message: FromWorker) => this.#receive(message));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => resolve(this.#exit(code)));
    });
    this.#ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    // Whoever does not ask for ready() learns of a failure from submit().
    this.#ready.catch(() => {});
  }

  get state(): EngineState {
    return this.#state;
  }

  ready(): Promise<EngineInfo> {
    return this.#ready;
  }

  submit(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<TokenEvent> {
    this.#admit(request);
    const id = ++this.#lastId;
    const abort = () => this.#post({ kind: 'abort', id });
    const stream = new EventStream(() => {
      this.#streams.delete(id);
      signal?.removeEventListener('abort', abort);
    });
    this.#streams.set(id, stream);
    this.#post({ kind: 'submit', id, request });
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort);
    return stream.read(abort);
  }

  onStep(listener: (report: StepReport) => void): void {
    this.#listeners.push(listener);
  }

  drain(): Promise<void> {
    if (this.#state === 'loading' || this.#state === 'ready') {
      this.#state = 'draining';
      this.#post({ kind: 'drain' });
    }
    return this.#exited;
  }

  #admit(request: GenerationRequest): void {
    if (this.#state === 'failed') throw apiError('server_error', { cause: this.#failure });
    if (this.#state === 'draining' || this.#state === 'stopped') {
      throw apiError('engine_unavailable', { state: this.#state });
    }
    const limit = this.#options.slotCapacity;
    const given = positionsOf(request);
    if (given > limit) throw apiError('context_length_exceeded', { limit, given });
    if (this.#streams.size >= this.#options.slots + this.#queueLimit) {
      throw apiError('server_is_overloaded', { limit: this.#queueLimit });
    }
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        if (this.#state === 'loading') this.#state = 'ready';
        this.#settleReady.resolve({
          slots: message.slots,
          slotCapacity: message.slotCapacity,
          loadMs: message.loadMs,
        });
        break;
      case 'step':
        for (const { id, event } of message.events) this.#streams.get(id)?.push(event);
        for (const listener of this.#listeners) listener(message.report);
        break;
      case 'request-failed': {
        const cause = new Error(`request ${message.id}: ${message.message}`);
        this.#streams.get(message.id)?.fail(apiError('server_error', { cause }));
        break;
      }
      case 'failed':
        this.#fail(new Error(message.message));
        break;
      case 'drained':
        this.#state = 'stopped';
        break;
    }
  }

  #fail(error: Error): void {
    if (this.#state === 'failed') return;
    this.#state = 'failed';
    this.#failure = error;
    this.#settleReady.reject(error);
    for (const stream of [...this.#streams.values()]) {
      stream.fail(apiError('server_error', { cause: error }));
    }
  }

  #exit(code: number): void {
    if (this.#state !== 'stopped') {
      this.#fail(new Error(`the engine's thread ended with code ${code}`));
    }
  }
}
