// Token ids of one answer to text that can be shown at once: never half a character, never a piece
// of a stop string, and without the marker that opens answers in the training data.
import type { Tokenizer } from '../model/tokenizer.ts';

export type DetokenizerOptions = {
  /** Not empty strings. The answer ends before the first of them. */
  stop: readonly string[];
  /** Left out where the text begins with it; '' where there is none. */
  answerMarker: string;
};

const replacement = '\uFFFD';

export class Detokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #stop: readonly string[];
  /** What must still be told apart from the marker; null once that is decided. */
  #marker: string | null;
  /** Tokens since the last complete character, and how much of their text was passed on. */
  #tokens: number[] = [];
  #passed = 0;
  #held = '';
  #stopped = false;

  constructor(tokenizer: Tokenizer, { stop, answerMarker }: DetokenizerOptions) {
    this.#tokenizer = tokenizer;
    this.#stop = stop;
    this.#marker = answerMarker === '' ? null : answerMarker;
  }

  /** True from the push that completed a stop string; later pushes add nothing. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** @returns the text that is now certain; often '' */
  push(tokenId: number): string {
    if (this.#stopped) return '';
    this.#tokens.push(tokenId);
    const text = this.#tokenizer.decode(this.#tokens);
    // An unfinished character decodes to one U+FFFD at the end; all before it is settled.
    const isComplete = !text.endsWith(replacement);
    const settled = isComplete ? text.length : text.length - replacement.length;
    this.#held += text.slice(this.#passed, settled);
    this.#tokens = isComplete ? [] : this.#tokens;
    this.#passed = isComplete ? 0 : settled;
    return this.#release();
  }

  /** What was held back, once no more tokens come. */
  finish(): string {
    if (this.#stopped) return '';
    this.#held += this.#tokenizer.decode(this.#tokens).slice(this.#passed);
    this.#tokens = [];
    this.#passed = 0;
    // Only a beginning of the marker came: it is text like any other.
    if (this.#marker !== null && !this.#held.startsWith(this.#marker)) this.#marker = null;
    const text = this.#release();
    const rest = this.#held;
    this.#held = '';
    return this.#stopped ? text : text + rest;
  }

  #release(): string {
    if (this.#marker !== null) {
      const isUndecided =
        this.#held.length < this.#marker.length && this.#marker.startsWith(this.#held);
      if (isUndecided) return '';
      if (this.#held.startsWith(this.#marker)) this.#held = this.#held.slice(this.#marker.length);
      this.#marker = null;
    }
    const matches = this.#stop.map((stop) => this.#held.indexOf(stop)).filter((at) => at !== -1);
    this.#stopped = matches.length > 0;
    const end = this.#stopped ? Math.min(...matches) : this.#held.length - this.#undecidedLength();
    const text = this.#held.slice(0, end);
    this.#held = this.#stopped ? '' : this.#held.slice(end);
    return text;
  }

  /** Length of the longest end of the held text that could become a stop string. */
  #undecidedLength(): number {
    const longest = Math.max(0, ...this.#stop.map((stop) => stop.length - 1));
    for (let length = Math.min(longest, this.#held.length); length > 0; length--) {
      const end = this.#held.slice(-length);
      if (this.#stop.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}
