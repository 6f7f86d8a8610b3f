// The main thread's handle on the engine: submit, abort, drain. The tensors live in worker.ts.
import type { GenerationRequest, StepReport, TokenEvent } from './messages.ts';

export type EngineState = 'loading' | 'ready' | 'draining' | 'failed' | 'stopped';
export type EngineInfo = { slots: number; slotCapacity: number; loadMs: number };

export interface Engine {
  readonly state: EngineState;
  /** Resolves once the worker has built its session; rejects if it could not. */
  ready(): Promise<EngineInfo>;
  /**
   * Events of one request, ending in exactly one `finished`. Aborting the signal ends it with
   * reason 'aborted' within one engine step. Throws an ApiError when the queue is full
   * (server_is_overloaded), the request does not fit a slot (context_length_exceeded), or the
   * engine fails (server_error).
   */
  submit(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<TokenEvent>;
  onStep(listener: (report: StepReport) => void): void;
  /** Finish what was submitted, then stop the worker between runs. */
  drain(): Promise<void>;
}
