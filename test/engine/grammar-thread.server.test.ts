// The grammar thread itself, over a vocabulary of single bytes: masks, problems, and what a grammar
// that takes too long leaves behind.
import { afterEach, describe, expect, it } from 'vitest';
import {
  type GrammarCursor,
  GrammarThread,
  grammarVocabulary,
} from '../../src/engine/grammar-thread.ts';
import { byteTokenizer } from '../support/byte-tokenizer.ts';

const eos = 256;
const size = 304;
const tokenizer = byteTokenizer();
const vocabulary = grammarVocabulary(tokenizer, { size, eosIds: [eos] });

let thread: GrammarThread;
afterEach(() => thread.stop());

function start(timeoutMs = 30_000): GrammarThread {
  thread = new GrammarThread(() => vocabulary, timeoutMs);
  return thread;
}

/** Texts of the tokens that may come; <eos> where the answer may end. */
async function allowed(cursor: GrammarCursor): Promise<string[]> {
  await cursor.settled();
  const mask = cursor.mask();
  const ids = [...Array(size).keys()].filter((id) => (mask[id >> 5]! >>> (id & 31)) & 1);
  return ids.map((id) => (id === eos ? '<eos>' : tokenizer.decode([id])));
}

const idOf = (text: string) => tokenizer.encode(text)[0]!;
/** Takes longer to compile than any limit here; each number is a grammar of its own. */
const endless = (number: number) =>
  `root ::= "${number}" ${'([^a]{0,1000} '.repeat(40)}${')'.repeat(40)}`;
const letters = 'root ::= "a" ("b" | "c"){1,2}';

describe('a place in a grammar', () => {
  it('allows what may come next, and the end where it may end', async () => {
    const cursor = start().open(letters);
    expect(await allowed(cursor)).toEqual(['a']);
    cursor.accept(idOf('a'));
    expect(cursor.isSettled).toBe(false);
    expect(await allowed(cursor)).toEqual(['b', 'c']);
    cursor.accept(idOf('c'));
    expect(await allowed(cursor)).toEqual(['b', 'c', '<eos>']);
    cursor.accept(idOf('b'));
    expect(await allowed(cursor)).toEqual(['<eos>']);
  });

  it('is its own, also within one grammar', async () => {
    const grammars = start();
    const [first, second] = [grammars.open(letters), grammars.open(letters)];
    first.accept(idOf('a'));
    first.close();
    expect(await allowed(second)).toEqual(['a']);
  });

  it('never allows special tokens or padding, whose text would fit', async () => {
    const cursor = start().open('root ::= [^\\x00-\\x1F]*');
    const texts = await allowed(cursor);
    expect(texts).toContain('<');
    expect(texts.filter((text) => text.length !== 1)).toEqual(['<eos>']);
  });

  it('fails with the token that it does not allow', async () => {
    const cursor = start().open(letters);
    cursor.accept(idOf('x'));
    await cursor.settled();
    expect(() => cursor.mask()).toThrow(`the grammar has no token ${idOf('x')} here`);
  });
});

describe('compile', () => {
  it('says what is wrong, and goes on', async () => {
    const grammars = start();
    expect(await grammars.compile('root ::= other')).toContain('other');
    expect(await grammars.compile(letters)).toBeNull();
    expect(await allowed(grammars.open(letters))).toEqual(['a']);
  });

  it('gives up what takes too long; places in other grammars stay where they were', async () => {
    const grammars = start(2000);
    const cursor = grammars.open(letters);
    cursor.accept(idOf('a'));
    await cursor.settled();
    const slow = grammars.compile(endless(1));
    const next = grammars.compile(letters);
    expect(await slow).toBe('it takes longer than 2000 ms');
    expect(await next).toBeNull();
    expect(await allowed(cursor)).toEqual(['b', 'c']);
    cursor.accept(idOf('b'));
    expect(await allowed(cursor)).toEqual(['b', 'c', '<eos>']);
  });

  it('of formats in a row comes after the answers that the first of them kept waiting', async () => {
    const grammars = start(2000);
    const cursor = grammars.open(letters);
    await cursor.settled();
    const slow = [1, 2, 3].map((number) => grammars.compile(endless(number)));
    cursor.accept(idOf('a'));
    await slow[0];
    const first = await Promise.race([slow[1], cursor.settled().then(() => 'the answer')]);
    expect(first).toBe('the answer');
    expect(await allowed(cursor)).toEqual(['b', 'c']);
  });
});
