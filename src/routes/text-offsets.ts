// Where the tokens of a text begin in it, in characters (Unicode code points, as Python counts), told as they come. A
// token that begins within a character begins where that does. Pure.
import type { Tokenizer } from '../model/tokenizer.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const replacement = '\uFFFD';

export class TextOffsets {
  readonly #tokenizer: Pick<Tokenizer, 'bytesOf' | 'isSpecial'>;
  /** Characters of the text up to the last whole one, and the bytes after it. */
  #settled = 0;
  #open: readonly number[] = [];

  constructor(tokenizer: Pick<Tokenizer, 'bytesOf' | 'isSpecial'>) {
    this.#tokenizer = tokenizer;
  }

  /** Characters of the text so far; what is unfinished shows as U+FFFD. */
  get end(): number {
    return this.#settled + count(this.#open);
  }

  /** Takes the text's next token, and says where it begins. */
  next(tokenId: number): number {
    // Special tokens are no text.
    const bytes = this.#tokenizer.isSpecial(tokenId) ? [] : [...this.#tokenizer.bytesOf(tokenId)];
    const first = bytes.slice(0, 1);
    // Its first byte is in the last character that there is with it, old or new.
    const begin = this.#settled + count([...this.#open, ...first]) - first.length;
    this.#open = [...this.#open, ...bytes];
    if (!decode(this.#open).endsWith(replacement)) this.endText();
    return begin;
  }

  /** Another text follows: what is unfinished stays so. */
  endText(): void {
    this.#settled = this.end;
    this.#open = [];
  }
}

const decode = (bytes: readonly number[]): string => decoder.decode(Uint8Array.from(bytes));

const count = (bytes: readonly number[]): number => [...decode(bytes)].length;
