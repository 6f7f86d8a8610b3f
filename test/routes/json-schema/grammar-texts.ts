// Texts of a grammar, written and tried byte by byte through the masks of a real grammar thread.
import { afterAll, expect } from 'vitest';
import { GrammarThread, grammarVocabulary } from '../../../src/engine/grammar-thread.ts';
import type { Random } from '../../../src/random.ts';
import { byteTokenizer } from '../../support/byte-tokenizer.ts';

const eos = 256;
const maxTokens = 250;
const tokenizer = byteTokenizer();
const size = tokenizer.vocabSize;
const grammars = new GrammarThread(
  () => grammarVocabulary(tokenizer, { size, eosIds: [eos] }),
  30_000,
);
afterAll(() => grammars.stop());

const quote = tokenizer.encode('"')[0]!;

/** Half of the time towards an end; else anything, any byte of a string alike. */
function choose(allowed: readonly number[], random: Random): number {
  if (allowed.includes(quote) && random.uniform() < 0.25) return quote;
  const closing = allowed.filter(
    (id) => id === eos || '"}],:0123456789'.includes(tokenizer.decode([id])),
  );
  const from = closing.length > 0 && random.uniform() < 0.5 ? closing : allowed;
  return from[Math.floor(random.uniform() * from.length)]!;
}

/** null where it did not end in time. */
export async function walk(grammar: string, random: Random): Promise<string | null> {
  const cursor = grammars.open(grammar);
  const ids: number[] = [];
  try {
    while (ids.length < maxTokens) {
      await cursor.settled();
      const mask = cursor.mask();
      const allowed = [...Array(size).keys()].filter((id) => (mask[id >> 5]! >>> (id & 31)) & 1);
      expect(allowed, `after ${tokenizer.decode(ids)}`).not.toEqual([]);
      const id = choose(allowed, random);
      if (id === eos) return tokenizer.decode(ids);
      ids.push(id);
      cursor.accept(id);
    }
    return null;
  } finally {
    cursor.close();
  }
}

/** Whether the whole text can be written. */
export async function allows(grammar: string, text: string): Promise<boolean> {
  const cursor = grammars.open(grammar);
  const ids = [...tokenizer.encode(text), eos];
  for (const id of ids) {
    await cursor.settled();
    if (!((cursor.mask()[id >> 5]! >>> (id & 31)) & 1)) return false;
    if (id !== eos) cursor.accept(id);
  }
  return true;
}
