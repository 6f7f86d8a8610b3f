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

const stays = () => new AbortController().signal;
const compile = (grammar: string, caller = 'one', signal = stays()) =>
  grammars.compile(grammar, caller, signal);

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
    expect(await compile(letters)).toBeNull();
    const cursor = grammars.open(letters);
    await write(cursor, 1);
    const slow = compile(endless(1));
    expect(await order(['slow', slow], ['answer', write(cursor, 300)])).toEqual(['answer', 'slow']);
    expect(await slow).toBe('it takes longer than 4000 ms');
    expect(grammars.size).toBe(2);
  });

  it('new formats are compiled', async () => {
    start();
    const slow = compile(endless(1));
    expect(await order(['slow', slow], ['quick', compile(other)])).toEqual(['quick', 'slow']);
  });

  it('there are no more threads than there may be, and running answers come first', async () => {
    start({ threads: 2, timeoutMs: 1500 });
    const cursor = grammars.open(letters);
    await write(cursor, 1);
    const slow = Promise.all([1, 2, 3].map((number) => compile(endless(number))));
    expect(await order(['slow', slow], ['answer', write(cursor, 300)])).toEqual(['answer', 'slow']);
    expect(grammars.size).toBe(2);
  });

  it('an answer on its thread is written in between, as long as each format takes', async () => {
    start({ threads: 1, timeoutMs: 2000 });
    await compile(letters);
    const cursor = grammars.open(letters);
    await write(cursor, 1);
    const slow = [1, 2, 3].map((number) => compile(endless(number)));
    const named = slow.map((done, i): [string, Promise<unknown>] => [`slow ${i + 1}`, done]);
    expect((await order(...named, ['answer', write(cursor, 100)])).indexOf('answer')).toBeLessThan(
      2,
    );
  });

  it('those of one caller leave a thread to the others’', async () => {
    start({ timeoutMs: 3000 });
    const slow = [1, 2, 3, 4, 5].map((number) => compile(endless(number)));
    const first = Promise.race(slow);
    expect(await order(['slow', first], ['quick', compile(other, 'two')])).toEqual([
      'quick',
      'slow',
    ]);
  });

  it('a caller who leaves the queue makes room, and is told at once', async () => {
    start({ threads: 1, timeoutMs: 1500 });
    const controller = new AbortController();
    const first = compile(endless(1));
    const left = compile(endless(2), 'one', controller.signal);
    const quick = compile(other);
    controller.abort();
    expect(await order(['first', first], ['left', left], ['quick', quick])).toEqual([
      'left',
      'first',
      'quick',
    ]);
    expect([await left, await quick]).toEqual([null, null]);
    // It was never tried, so it is no refusal.
    expect(await order(['turn', new Promise(setImmediate)], ['anew', compile(endless(2))])).toEqual(
      ['turn', 'anew'],
    );
  });
});

describe('a refusal', () => {
  it.each([
    ['what is no grammar', 'root ::= nothing'],
    ['what takes too long', endless(1)],
  ])('is told again at once, for a while: %s', async (_, grammar) => {
    start({ timeoutMs: 1000, refusalMs: 1500 });
    const problem = await compile(grammar);
    expect(problem).not.toBeNull();
    // A settled promise comes before the next turn of the event loop; a thread's answer does not.
    const turn = new Promise((resolve) => setImmediate(resolve));
    const again = compile(grammar);
    expect(await order(['turn', turn], ['again', again])).toEqual(['again', 'turn']);
    expect(await again).toBe(problem);
    await delay(1600);
    const next = new Promise((resolve) => setImmediate(resolve));
    const anew = compile(grammar);
    expect(await order(['turn', next], ['anew', anew])).toEqual(['turn', 'anew']);
  });

  it('leaves the other formats of its thread where they are', async () => {
    start();
    expect(await compile(letters)).toBeNull();
    expect(await compile('root ::= nothing')).not.toBeNull();
    expect(await compile(letters)).toBeNull();
    await write(grammars.open(letters), 3);
    expect(grammars.size).toBe(1);
  });
});

it('a grammar keeps its thread, however many answers are in it', async () => {
  start();
  await compile(letters);
  const cursors = [grammars.open(letters), grammars.open(letters)];
  await Promise.all(cursors.map((cursor) => write(cursor, 5)));
  expect(grammars.size).toBe(1);
  for (const cursor of cursors) cursor.close();
});
