// Which format is compiled next, and who is told: no threads.
import { beforeEach, describe, expect, it } from 'vitest';
import { FormatQueue } from '../../src/engine/format-queue.ts';

const share = 2;
const stays = () => new AbortController().signal;

let queue: FormatQueue;
beforeEach(() => {
  queue = new FormatQueue(share);
});

const ask = (grammar: string, caller: string, signal = stays()) =>
  queue.join(grammar, grammar, caller, signal);

/** The formats that may begin now, and do. */
function begun(): string[] {
  const keys: string[] = [];
  for (let turn = queue.next(); turn; turn = queue.next()) {
    queue.begin(turn);
    keys.push(turn.format.key);
  }
  return keys;
}

/** Begins one format, and returns it. */
function beginNext() {
  const turn = queue.next();
  if (!turn) throw new Error('none may begin');
  queue.begin(turn);
  return turn.format;
}

describe('the next format', () => {
  it('is the first that came, up to its caller’s share', () => {
    for (const grammar of ['a', 'b', 'c']) void ask(grammar, 'one');
    expect(begun()).toEqual(['a', 'b']);
    void ask('d', 'two');
    expect(begun()).toEqual(['d']);
    expect(queue.isWaiting).toBe(true);
  });

  it('is of the caller who has the fewest at work', () => {
    for (const grammar of ['a', 'b']) void ask(grammar, 'one');
    const first = beginNext();
    void ask('c', 'two');
    expect(begun()).toEqual(['c', 'b']);
    queue.finish(first, null);
    expect(queue.isWaiting).toBe(false);
  });

  it('comes when one of its caller’s has ended', () => {
    for (const grammar of ['a', 'b', 'c']) void ask(grammar, 'one');
    const first = beginNext();
    expect(begun()).toEqual(['b']);
    queue.finish(first, null);
    expect(begun()).toEqual(['c']);
  });

  it('may be one that somebody else waits for, too', () => {
    for (const grammar of ['a', 'b', 'c']) void ask(grammar, 'one');
    expect(begun()).toEqual(['a', 'b']);
    void ask('c', 'two');
    expect(begun()).toEqual(['c']);
  });
});

describe('all who wait for a format', () => {
  it('are told once it is compiled, which it is once', async () => {
    const answers = [ask('a', 'one'), ask('a', 'two'), ask('a', 'one')];
    const format = beginNext();
    const late = ask('a', 'three');
    expect(queue.next()).toBeNull();
    queue.finish(format, 'wrong');
    expect(await Promise.all([...answers, late])).toEqual(['wrong', 'wrong', 'wrong', 'wrong']);
  });

  it('may leave: a format that nobody waits for is not compiled', async () => {
    const controller = new AbortController();
    const left = ask('a', 'one', controller.signal);
    void ask('b', 'one');
    controller.abort();
    expect(await left).toBeNull();
    expect(begun()).toEqual(['b']);
    expect(await ask('c', 'one', controller.signal)).toBeNull();
    expect(queue.isWaiting).toBe(false);
  });

  it('leave the others waiting', async () => {
    const controller = new AbortController();
    const left = ask('a', 'one', controller.signal);
    const stayed = ask('a', 'two');
    controller.abort();
    expect(await left).toBeNull();
    queue.finish(beginNext(), 'wrong');
    expect(await stayed).toBe('wrong');
  });

  it('leave what has begun to its end, at their caller’s cost', async () => {
    const controller = new AbortController();
    for (const grammar of ['a', 'b']) void ask(grammar, 'one', controller.signal);
    const first = beginNext();
    expect(begun()).toEqual(['b']);
    controller.abort();
    void ask('c', 'one');
    expect(begun()).toEqual([]);
    const joined = ask('a', 'two');
    queue.finish(first, null);
    expect(await joined).toBeNull();
    expect(begun()).toEqual(['c']);
  });
});
