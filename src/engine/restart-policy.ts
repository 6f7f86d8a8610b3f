// When a crashed engine is started again, and when it is given up: pure, told of crashes and the clock.

/** A thread that lived this long was well: what came before it is forgotten. */
const wellAfterMs = 60_000;
const firstDelayMs = 250;
const maxDelayMs = 8_000;
/** Crashes in a row after which the fault is taken to be a lasting one. */
export const maxCrashes = 6;

export class RestartPolicy {
  #crashes = 0;

  /**
   * @param livedMs from the crashed thread's being ready to its end; 0 where it never was
   * @returns milliseconds to wait before the next start; null: none, it would crash again
   */
  afterCrash(livedMs: number): number | null {
    this.#crashes = livedMs >= wellAfterMs ? 1 : this.#crashes + 1;
    if (this.#crashes >= maxCrashes) return null;
    return Math.min(maxDelayMs, firstDelayMs * 2 ** (this.#crashes - 1));
  }
}
