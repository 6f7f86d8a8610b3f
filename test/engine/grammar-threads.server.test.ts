// Several grammar threads over a vocabulary of single bytes: what one format costs the others.
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type GrammarCursor, grammarVocabulary } from '../../src/engine/grammar-thread.ts';
import { type GrammarLimits, GrammarThreads } from '../../src/engine/grammar-threads.ts';
import { byteTokenizer } from '../support/byte-tokenizer.ts';

const tokenizer = byteTokenizer();
const vocabulary = grammarVocabulary(tokenizer, { size: tokenizer.vocabSize, eosIds: [256] });
const a = tokenizer.encode('a')[0]!;

let grammars: GrammarThreads;
afterEach(() => grammars.stop());

function start(limits: Partial<GrammarLimits> = {}): GrammarThreads {
  grammars = new GrammarThreads(() => vocabulary, { timeoutMs: 4000, ...limits });
  return grammars;
}

const letters = 'root ::= "a"{1,900}';
const other = 'root ::= "b"';
/** Takes longer to compile than any limit here; each number is a grammar of its own. */
const endless = (number: number) =>
  `root ::= "${number}" ${'([^a]{0,1000} '.repeat(40)}${')'.repeat(40)}`;

async function write(cursor: GrammarCursor, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await cursor.settled();
    cursor.mask();
    cursor.accept(a);
  }
}

/** What comes first is told first. */
const order = (...all: [string, Promise<unknown>][]) => {
  const names: string[] = [];
  return Promise.all(all.map(([name, done]) => done.then(() => names.push(name)))).then(
    () => names,
  );
};

describe('while a format is slow to compile', () => {
  it('answers in others are written on', async () => {
    start();
    expect(await grammars.compile(letters)).toBeNull();
    const cursor = grammars.open(letters);
    await write(cursor, 1);
    const slow = grammars.compile(endless(1));
    expect(await order(['slow', slow], ['answer', write(cursor, 300)])).toEqual(['answer', 'slow']);
    expect(await slow).toBe('it takes longer than 4000 ms');
    expect(grammars.size).toBe(2);
  });

  it('new formats are compiled', async () => {
    start();
    const slow = grammars.compile(endless(1));
    expect(await order(['slow', slow], ['quick', grammars.compile(other)])).toEqual([
      'quick',
      'slow',
    ]);
  });

  it('there are no more threads than there may be, and running answers come first', async () => {
    start({ threads: 2, timeoutMs: 1500 });
    const cursor = grammars.open(letters);
    await write(cursor, 1);
    const slow = Promise.all([1, 2, 3].map((number) => grammars.compile(endless(number))));
    expect(await order(['slow', slow], ['answer', write(cursor, 300)])).toEqual(['answer', 'slow']);
    expect(grammars.size).toBe(2);
  });
});

describe('a refusal', () => {
  it.each([
    ['what is no grammar', 'root ::= nothing'],
    ['what takes too long', endless(1)],
  ])('is told again at once, for a while: %s', async (_, grammar) => {
    start({ timeoutMs: 1000, refusalMs: 1500 });
    const problem = await grammars.compile(grammar);
    expect(problem).not.toBeNull();
    // A settled promise comes before the next turn of the event loop; a thread's answer does not.
    const turn = new Promise((resolve) => setImmediate(resolve));
    const again = grammars.compile(grammar);
    expect(await order(['turn', turn], ['again', again])).toEqual(['again', 'turn']);
    expect(await again).toBe(problem);
    await delay(1600);
    const next = new Promise((resolve) => setImmediate(resolve));
    const anew = grammars.compile(grammar);
    expect(await order(['turn', next], ['anew', anew])).toEqual(['turn', 'anew']);
  });

  it('leaves the other formats of its thread where they are', async () => {
    start();
    expect(await grammars.compile(letters)).toBeNull();
    expect(await grammars.compile('root ::= nothing')).not.toBeNull();
    expect(await grammars.compile(letters)).toBeNull();
    await write(grammars.open(letters), 3);
    expect(grammars.size).toBe(1);
  });
});

it('a grammar keeps its thread, however many answers are in it', async () => {
  start();
  await grammars.compile(letters);
  const cursors = [grammars.open(letters), grammars.open(letters)];
  await Promise.all(cursors.map((cursor) => write(cursor, 5)));
  expect(grammars.size).toBe(1);
  for (const cursor of cursors) cursor.close();
});
