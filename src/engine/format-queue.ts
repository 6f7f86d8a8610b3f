// Formats that wait for a grammar thread: the next is one of the caller who has the fewest threads at work,
// and none has more than its share. Pure: grammar-threads.ts compiles.

/** One grammar that somebody waits for. */
export type Format = {
  readonly key: string;
  readonly grammar: string;
  /** By what tells them: whose request it is. */
  readonly askers: Map<(problem: string | null) => void, string>;
  /** Whose share of the threads it takes; null while it waits. */
  runsFor: string | null;
};

/** Which format, and of whose share. */
type Turn = { format: Format; caller: string };

export class FormatQueue {
  readonly #share: number;
  /** By key, first come first. */
  readonly #formats = new Map<string, Format>();

  /** @param share formats of one caller that are compiled at once */
  constructor(share: number) {
    this.#share = share;
  }

  get isWaiting(): boolean {
    return this.#waiting().length > 0;
  }

  /**
   * @returns what finish() is told. Where the signal is aborted first, null at once; a format that nobody
   * waits for leaves the queue, and one that is being compiled is compiled to its end, for whoever asks next.
   */
  join(key: string, grammar: string, caller: string, signal: AbortSignal): Promise<string | null> {
    const format = this.#formats.get(key) ?? { key, grammar, askers: new Map(), runsFor: null };
    this.#formats.set(key, format);
    return new Promise((resolve) => {
      const leave = () => tell(null);
      const tell = (problem: string | null) => {
        signal.removeEventListener('abort', leave);
        format.askers.delete(tell);
        if (format.askers.size === 0 && format.runsFor === null) this.#formats.delete(key);
        resolve(problem);
      };
      format.askers.set(tell, caller);
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave);
    });
  }

  /** null where none may begin. */
  next(): Turn | null {
    const running = new Map<string, number>();
    for (const { runsFor } of this.#formats.values()) {
      if (runsFor !== null) running.set(runsFor, (running.get(runsFor) ?? 0) + 1);
    }
    const turns = this.#waiting().flatMap((format) =>
      Array.from(format.askers.values(), (caller) => ({ format, caller })),
    );
    const load = ({ caller }: Turn) => running.get(caller) ?? 0;
    // The sort is stable: of equals, the first that came.
    const [next] = turns.toSorted((a, b) => load(a) - load(b));
    return next && load(next) < this.#share ? next : null;
  }

  /** Takes the caller's share until finish(). */
  begin({ format, caller }: Turn): void {
    format.runsFor = caller;
  }

  finish(format: Format, problem: string | null): void {
    this.#formats.delete(format.key);
    for (const tell of [...format.askers.keys()]) tell(problem);
  }

  #waiting(): Format[] {
    return [...this.#formats.values()].filter(({ runsFor }) => runsFor === null);
  }
}
