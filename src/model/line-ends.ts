// Which tokens end a line of text: a reasoning step is a line, and a server counts them by id.
import type { Tokenizer } from './tokenizer.ts';

const NEWLINE = 0x0a;

/** A look at every token of the vocabulary is kept for as long as its tokenizer is. */
const known = new WeakMap<object, readonly number[]>();

/** Ids of the tokens whose last byte is a line break. */
export function lineEndIds(
  tokenizer: Pick<Tokenizer, 'vocabSize' | 'bytesOf' | 'isSpecial'>,
): readonly number[] {
  const found = known.get(tokenizer) ?? findLineEnds(tokenizer);
  known.set(tokenizer, found);
  return found;
}

function findLineEnds({ vocabSize, bytesOf, isSpecial }: Parameters<typeof lineEndIds>[0]) {
  const ids = Array.from({ length: vocabSize }, (_, id) => id);
  return ids.filter((id) => !isSpecial(id) && bytesOf(id).at(-1) === NEWLINE);
}
