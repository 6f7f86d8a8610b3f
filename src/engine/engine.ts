// The main thread's handle on the engine: submit, abort, drain, and a new thread where one crashed.
import { type ApiError, apiError } from '../errors.ts';
import { type Asker, Compilations } from './compilations.ts';
import { deferred } from './deferred.ts';
import { type EngineThread, type StartThread, startEngineThread } from './engine-thread.ts';
import { EventStream } from './event-stream.ts';
import type {
  EngineOptions,
  FromWorker,
  GenerationRequest,
  StepReport,
  TokenEvent,
} from './messages.ts';
import { positionsOf } from './request-check.ts';
import { RestartPolicy } from './restart-policy.ts';

/** restarting: its thread crashed and the next one is not ready. failed: there will be none. */
export type EngineState = 'loading' | 'ready' | 'restarting' | 'draining' | 'failed' | 'stopped';
/** `adapter`: what is behind WebGPU, null for other devices. */
export type EngineInfo = Omit<Extract<FromWorker, { kind: 'ready' }>, 'kind'>;

/** Reason of an abort that calls nothing off: the answer is complete, or nobody was told of it. */
export const notCancelled = Symbol('not cancelled');

export interface Engine {
  readonly state: EngineState;
  /** Resolves once the first thread has built its session; rejects if it could not. */
  ready(): Promise<EngineInfo>;
  /**
   * Events of one request, ending in exactly one `finished`. Aborting the signal ends it with
   * reason 'aborted' within one engine step, and counts as a cancellation unless the signal's reason
   * is `notCancelled`. Throws an ApiError when the queue is full
   * (server_is_overloaded), the request does not fit a slot (context_length_exceeded), the engine
   * is restarting or about to stop (engine_unavailable) or has failed (server_error). The iteration
   * throws a server_error when the request itself fails later, and where the thread crashes under it
   * what a new request would be refused with.
   */
  submit(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<TokenEvent>;
  /**
   * Several answers to one request, each sampled with a seed of its own, the first with the
   * request's: as many streams as signals, each like submit()'s. Prompt and thoughts are computed
   * once, and reported in the usage of each. Throws as submit() does, and an Error for more choices
   * than slots.
   */
  submitChoices(
    request: GenerationRequest,
    signals: readonly AbortSignal[],
  ): AsyncIterable<TokenEvent>[];
  /**
   * Whether answers can be held to an EBNF grammar, before one is asked for: null, or what is wrong
   * with it. Rejects with what submit() throws, with rate_limit_exceeded where the caller has too many
   * formats waiting, with the signal's reason, and as streams do when the thread crashes meanwhile.
   */
  compile(grammar: string, asker: Asker): Promise<string | null>;
  onStep(listener: (report: StepReport) => void): void;
  /** Told of each crash; `restarts` is false where the engine is given up. */
  onCrash(listener: (crash: Error, restarts: boolean) => void): void;
  /** Finish what was submitted, then stop the worker between runs. */
  drain(): Promise<void>;
}

/**
 * Starts a worker thread at once; requests may be submitted while it loads. A thread that crashes
 * after it was ready fails what it had in flight and is replaced.
 * @param limits queueLimit: requests that may wait beyond those that have a slot
 */
export function startEngine(
  options: EngineOptions,
  limits: { queueLimit: number },
  startThread: StartThread = startEngineThread,
): Engine {
  return new ThreadedEngine(options, limits.queueLimit, startThread);
}

class ThreadedEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #queueLimit: number;
  readonly #startThread: StartThread;
  readonly #streams = new Map<number, EventStream>();
  readonly #compilations: Compilations;
  readonly #stepListeners: ((report: StepReport) => void)[] = [];
  readonly #crashListeners: ((crash: Error, restarts: boolean) => void)[] = [];
  readonly #restartPolicy = new RestartPolicy();
  readonly #ready = deferred<EngineInfo>();
  readonly #ended = deferred<void>();
  #thread: EngineThread;
  #state: EngineState = 'loading';
  #readySinceMs: number | null = null;
  #restart: NodeJS.Timeout | undefined;
  #failure: Error | null = null;
  #lastId = 0;

  constructor(options: EngineOptions, queueLimit: number, startThread: StartThread) {
    this.#options = options;
    this.#queueLimit = queueLimit;
    this.#compilations = new Compilations(options.slots + queueLimit);
    this.#startThread = startThread;
    this.#thread = this.#start();
    // Whoever does not ask for ready() learns of a failure from submit().
    this.#ready.promise.catch(() => {});
  }

  get state(): EngineState {
    return this.#state;
  }

  ready(): Promise<EngineInfo> {
    return this.#ready.promise;
  }

  submit(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<TokenEvent> {
    return this.submitChoices(request, [signal])[0]!;
  }

  submitChoices(
    request: GenerationRequest,
    signals: readonly (AbortSignal | undefined)[],
  ): AsyncIterable<TokenEvent>[] {
    const choices = signals.length;
    this.#admit(request, choices);
    const id = this.#lastId + 1;
    this.#lastId += choices;
    const streams = signals.map((signal, choice) => this.#open(id + choice, signal));
    this.#thread.post({ kind: 'submit', id, choices, request });
    signals.forEach((signal, choice) => {
      if (signal?.aborted) this.#abort(id + choice, signal);
    });
    return streams;
  }

  async compile(grammar: string, asker: Asker): Promise<string | null> {
    this.#checkState();
    this.#lastId += 1;
    const id = this.#lastId;
    const leave = () => this.#thread.post({ kind: 'leave', id });
    const problem = this.#compilations.add(id, grammar, asker, leave);
    this.#thread.post({ kind: 'compile', id, grammar, caller: asker.caller });
    return problem;
  }

  #open(id: number, signal: AbortSignal | undefined): AsyncIterable<TokenEvent> {
    const abort = () => this.#abort(id, signal);
    const stream = new EventStream(() => {
      this.#streams.delete(id);
      signal?.removeEventListener('abort', abort);
    });
    this.#streams.set(id, stream);
    signal?.addEventListener('abort', abort);
    return stream.read(abort);
  }

  #abort(id: number, signal: AbortSignal | undefined): void {
    const isCancelled = signal?.reason !== notCancelled;
    this.#thread.post({ kind: 'abort', id, isCancelled });
  }

  onStep(listener: (report: StepReport) => void): void {
    this.#stepListeners.push(listener);
  }

  onCrash(listener: (crash: Error, restarts: boolean) => void): void {
    this.#crashListeners.push(listener);
  }

  drain(): Promise<void> {
    if (this.#state === 'loading' || this.#state === 'ready') {
      this.#state = 'draining';
      this.#thread.post({ kind: 'drain' });
    } else if (this.#state === 'restarting') {
      this.#stopRestarting();
    }
    return this.#ended.promise;
  }

  #start(): EngineThread {
    return this.#startThread(this.#options, {
      onMessage: (message) => this.#receive(message),
      onEnd: (crash) => this.#end(crash),
    });
  }

  #checkState(): void {
    if (this.#state !== 'loading' && this.#state !== 'ready') throw this.#refusal();
  }

  /** For the log, an engine that is given up has a cause; any other is worth another try. */
  #refusal(): ApiError {
    return this.#state === 'failed'
      ? apiError('server_error', { cause: this.#failure })
      : apiError('engine_unavailable', { state: this.#state });
  }

  #admit(request: GenerationRequest, choices: number): void {
    this.#checkState();
    const limit = this.#options.slotCapacity;
    const given = positionsOf(request);
    if (given > limit) throw apiError('context_length_exceeded', { limit, given });
    const { slots } = this.#options;
    if (choices > slots) throw new Error(`${choices} choices asked for, there are ${slots} slots`);
    if (this.#streams.size + choices > slots + this.#queueLimit) {
      throw apiError('server_is_overloaded', { limit: this.#queueLimit });
    }
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'ready': {
        const { kind, ...info } = message;
        this.#readySinceMs = performance.now();
        if (this.#state === 'loading' || this.#state === 'restarting') this.#state = 'ready';
        this.#ready.resolve(info);
        break;
      }
      case 'step':
        for (const { id, event } of message.events) this.#streams.get(id)?.push(event);
        for (const listener of this.#stepListeners) listener(message.report);
        break;
      case 'request-failed': {
        const cause = new Error(`request ${message.id}: ${message.message}`);
        this.#streams.get(message.id)?.fail(apiError('server_error', { cause }));
        break;
      }
      case 'compiled':
        this.#compilations.finish(message.id, message.problem);
        break;
      case 'failed':
      case 'drained':
        // The thread's end follows, and is what counts.
        break;
    }
  }

  #end(crash: Error | null): void {
    const delayMs = crash && this.#delayAfter();
    if (delayMs === null) {
      this.#stop(crash);
    } else {
      this.#state = 'restarting';
      this.#restart = setTimeout(() => {
        this.#restart = undefined;
        this.#thread = this.#start();
      }, delayMs);
    }
    this.#failAll(this.#refusal());
    if (crash === null) return;
    for (const listener of this.#crashListeners) listener(crash, delayMs !== null);
  }

  /** null: not to be started again. A checkpoint that never loaded will not the next time either. */
  #delayAfter(): number | null {
    const neverWas = this.#state === 'loading';
    const livedMs = this.#readySinceMs === null ? 0 : performance.now() - this.#readySinceMs;
    this.#readySinceMs = null;
    return neverWas || this.#state === 'draining' ? null : this.#restartPolicy.afterCrash(livedMs);
  }

  /** A crash on the way out is no reason for clients to give up: another process serves them. */
  #stop(crash: Error | null): void {
    const isGivenUp = crash !== null && this.#state !== 'draining';
    this.#state = isGivenUp ? 'failed' : 'stopped';
    this.#failure = crash;
    if (crash) this.#ready.reject(crash);
    this.#ended.resolve();
  }

  #failAll(error: ApiError): void {
    for (const stream of [...this.#streams.values()]) stream.fail(error);
    this.#compilations.failAll(error);
  }

  /** Between two threads there is nobody to drain; one that loads drains as soon as it has. */
  #stopRestarting(): void {
    this.#state = 'draining';
    if (this.#restart === undefined) {
      this.#thread.post({ kind: 'drain' });
      return;
    }
    clearTimeout(this.#restart);
    this.#end(null);
  }
}
