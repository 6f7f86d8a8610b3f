// How many formats may wait on the main thread, and of whom.
import { expect, it } from 'vitest';
import { Compilations } from '../../src/engine/compilations.ts';

const limit = 6;
const stays = () => new AbortController().signal;

function start() {
  const compilations = new Compilations(limit);
  const left: number[] = [];
  let lastId = 0;
  const add = (grammar: string, caller = 'one', signal = stays()) => {
    lastId += 1;
    const id = lastId;
    return compilations.add(id, grammar, { caller, signal }, () => left.push(id));
  };
  return { compilations, add, left };
}

const refusalOf = (ask: () => unknown) => {
  try {
    ask();
  } catch (error) {
    return error;
  }
  return null;
};

it('one caller’s formats take half of the places, many requests in one format no more of them', () => {
  const { add, compilations } = start();
  for (const grammar of ['a', 'b', 'c', 'c']) void add(grammar);
  expect(refusalOf(() => add('d'))).toMatchObject({
    code: 'rate_limit_exceeded',
    status: 429,
    message: expect.stringContaining('3 formats at once that are not compiled yet'),
  });
  expect(refusalOf(() => add('d', 'two'))).toBeNull();
  compilations.finish(1, null);
  expect(refusalOf(() => add('d'))).toBeNull();
});

it('all places together are as many as the queue’s', () => {
  const { add } = start();
  for (let i = 0; i < limit; i++) void add('a', `caller ${i}`);
  expect(refusalOf(() => add('a', 'another'))).toMatchObject({ code: 'server_is_overloaded' });
});

it('whoever leaves is told why at once; the place is free once the thread has told its end', async () => {
  const { add, compilations, left } = start();
  const controller = new AbortController();
  const waiting = [add('a', 'one', controller.signal), add('b'), add('c')];
  const reason = new Error('gone');
  controller.abort(reason);
  await expect(waiting[0]).rejects.toBe(reason);
  expect(left).toEqual([1]);
  expect(refusalOf(() => add('d'))).toMatchObject({ code: 'rate_limit_exceeded' });
  compilations.finish(1, null);
  expect(refusalOf(() => add('d'))).toBeNull();
  expect(refusalOf(() => add('e', 'two', controller.signal))).toBe(reason);
  compilations.finish(2, 'wrong');
  expect(await waiting[1]).toBe('wrong');
});
