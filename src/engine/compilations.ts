// Formats that requests wait for before their answers begin, on the main thread: how many there may be, and
// whose waiting has ended. Which of them is compiled when is the engine's thread's to say (format-queue.ts).
import { apiError } from '../errors.ts';
import { type Deferred, deferred } from './deferred.ts';

export type Asker = {
  /** Hash of the API key: each has a share of the places here, and of the grammar threads. */
  caller: string;
  /** Aborted when nobody waits any more; its reason is what the promise rejects with. */
  signal: AbortSignal;
};

type Pending = { grammar: string; caller: string; result: Deferred<string | null> };

export class Compilations {
  readonly #limit: number;
  /** By id; each stays until the engine's thread has told its end. */
  readonly #pending = new Map<number, Pending>();

  /** @param limit requests that may wait; the formats of one caller may be half as many */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @param leave called where the asker leaves
   * Throws server_is_overloaded or rate_limit_exceeded, and the signal's reason if it is aborted already.
   */
  add(
    id: number,
    grammar: string,
    { caller, signal }: Asker,
    leave: () => void,
  ): Promise<string | null> {
    this.#admit(grammar, caller);
    signal.throwIfAborted();
    const result = deferred<string | null>();
    this.#pending.set(id, { grammar, caller, result });
    const abort = () => {
      leave();
      result.reject(signal.reason);
    };
    signal.addEventListener('abort', abort);
    return result.promise.finally(() => signal.removeEventListener('abort', abort));
  }

  /** @param problem null, or what is wrong with the grammar */
  finish(id: number, problem: string | null): void {
    this.#pending.get(id)?.result.resolve(problem);
    this.#pending.delete(id);
  }

  failAll(error: Error): void {
    for (const { result } of this.#pending.values()) result.reject(error);
    this.#pending.clear();
  }

  #admit(grammar: string, caller: string): void {
    const limit = this.#limit;
    if (this.#pending.size >= limit) throw apiError('server_is_overloaded', { limit });
    const own = [...this.#pending.values()].filter((pending) => pending.caller === caller);
    // Many requests in one format ask for one compilation.
    const formats = new Set(own.map((pending) => pending.grammar)).add(grammar).size;
    const share = Math.ceil(limit / 2);
    if (formats <= share) return;
    throw apiError('rate_limit_exceeded', {
      limit: `${share} formats at once that are not compiled yet`,
      retryAfterSeconds: 1,
    });
  }
}
