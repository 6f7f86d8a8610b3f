// One request's events on the main thread: pushed as messages arrive, pulled by one reader.
import type { TokenEvent } from './messages.ts';

export class EventStream {
  readonly #onEnd: () => void;
  readonly #events: TokenEvent[] = [];
  #end: { error: Error | null } | null = null;
  #wake = () => {};

  /** @param onEnd called once, when the last event has arrived or the request has failed */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  push(event: TokenEvent): void {
    if (this.#end) return;
    this.#events.push(event);
    if (event.kind === 'finished') this.#close(null);
    this.#wake();
  }

  /** The reader gets what has arrived, then the error. */
  fail(error: Error): void {
    if (this.#end) return;
    this.#close(error);
    this.#wake();
  }

  /** @param abandon called when the reader leaves before the end */
  async *read(abandon: () => void): AsyncGenerator<TokenEvent, void, undefined> {
    try {
      for (;;) {
        const event = this.#events.shift();
        if (event) yield event;
        else if (this.#end) break;
        else await this.#arrival();
      }
    } finally {
      if (!this.#end) abandon();
    }
    if (this.#end?.error) throw this.#end.error;
  }

  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #close(error: Error | null): void {
    this.#end = { error };
    this.#onEnd();
  }
}
