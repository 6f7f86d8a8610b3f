// Latent mode in the middle of an answer, step by step: what is fed on the way in, what is told, when it does not begin.
import { describe, expect, it } from 'vitest';
import type { GenerationRequest } from '../../src/engine/messages.ts';
import { checkRequest } from '../../src/engine/request-check.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import { collect, makeRequest, smallLimits, thoughtsWithin } from './requests.ts';

const hidden = (...values: number[]) =>
  ({ kind: 'hidden', hidden: Float32Array.from(values) }) as const;
/** Logits whose greedy token is `id`, and `second` where that may not come. */
const logits = (id: number, second = 0) => {
  const values = new Float32Array(8);
  values[second] = 1;
  values[id] = 2;
  return { kind: 'logits', logits: values } as const;
};

const [bot, eot, newline] = [6, 7, 5];
const entry = (afterLines: number | null) => ({
  latentEntry: { botId: bot, eotId: eot, afterLines, lineEndIds: [newline] },
});

const started = (overrides: Partial<GenerationRequest>, nowMs = 0) => {
  const thoughts = { kind: 'model', count: 2 } as const;
  const request = makeRequest({ promptIds: [1, 2], thoughts, maxTokens: 5, ...overrides });
  const sequence = new Sequence(1, request, nowMs);
  sequence.start(nowMs);
  return sequence;
};

describe('latent mode in the middle of an answer', () => {
  it('follows the lines asked for: their last token and <bot> in, <eot> with the last thought', () => {
    const sequence = started({ ...entry(2), returnThoughts: true });
    const events = [];
    expect(sequence.wants(2)).toBe('logits');
    events.push(...sequence.advance(2, logits(newline), 0));
    events.push(...sequence.advance(1, logits(newline), 0));
    expect(sequence.state).toEqual({ phase: 'opening', inputs: [newline, bot] });
    expect([sequence.ready, sequence.wants(2)]).toEqual([2, 'hidden']);
    events.push(...sequence.advance(2, hidden(1, 2), 0));
    events.push(...sequence.advance(1, hidden(3, 4), 0));
    expect(sequence.inputs(2)).toEqual([Float32Array.of(3, 4), eot]);
    expect(sequence.wants(2)).toBe('logits');
    events.push(...sequence.advance(2, logits(3), 0));
    // A line end of the text behind it is a line end like any other.
    events.push(...sequence.advance(1, logits(newline), 0));
    expect(sequence.state).toMatchObject({ phase: 'answering' });
    events.push(sequence.end('aborted', 0));
    const { tokens, thoughtEvents, finished } = collect(events, thoughtsWithin);
    expect([tokens, thoughtEvents]).toEqual([
      [newline, newline, 3, newline],
      [0, 1],
    ]);
    expect(finished).toMatchObject({
      usage: { promptTokens: 2, thoughts: 2, answerTokens: 4 },
      thoughts: Float32Array.of(1, 2, 3, 4),
    });
  });

  it('begins where the model writes <bot>, which is no text and never comes again', () => {
    const sequence = started(entry(null));
    expect(sequence.advance(2, logits(bot), 0)).toEqual([]);
    expect(sequence.state).toEqual({ phase: 'opening', inputs: [bot] });
    sequence.advance(1, hidden(1, 2), 0);
    sequence.advance(1, hidden(1, 2), 0);
    expect(sequence.advance(2, logits(bot, 3), 0)).toMatchObject([{ tokenId: 3 }]);
  });

  it('does not begin before the lines asked for, whatever the model would write', () => {
    const sequence = started(entry(1));
    expect(sequence.advance(2, logits(bot, 3), 0)).toMatchObject([{ tokenId: 3 }]);
    expect(sequence.state).toMatchObject({ phase: 'answering' });
  });

  it('does not begin where the answer ends first', () => {
    const sequence = started({ ...entry(1), stopIds: [4], maxTokens: 1 });
    expect(sequence.advance(2, logits(newline), 0)).toMatchObject([
      { kind: 'token' },
      { kind: 'finished', reason: 'length', usage: { thoughts: 0, answerTokens: 1 } },
    ]);
  });

  it('with no thoughts, or given ones, goes through its markers in one step', () => {
    const none = started({ ...entry(1), thoughts: { kind: 'model', count: 0 } });
    none.advance(2, logits(newline), 0);
    expect(none.inputs(none.ready)).toEqual([newline, bot, eot]);
    expect(none.wants(none.ready)).toBe('logits');
    const vectors = Float32Array.of(1, 2);
    const given = started({ ...entry(1), thoughts: { kind: 'given', count: 1, vectors } });
    given.advance(2, logits(newline), 0);
    expect(given.inputs(given.ready)).toEqual([newline, bot, vectors, eot]);
    expect(given.advance(4, logits(3), 0).map(({ kind }) => kind)).toEqual(['thought', 'token']);
  });

  it('of each choice is its own: they fork before the first token', () => {
    const request = makeRequest({ promptIds: [1], ...entry(null) });
    const [leader, follower] = [new Sequence(7, request, 0), new Sequence(8, request, 0, 7)];
    leader.start(0);
    follower.follow(0);
    leader.advance(1, logits(3), 0);
    expect(follower.join(leader, logits(bot).logits, 0)).toEqual([]);
    expect(follower.state).toMatchObject({ phase: 'opening' });
    expect(leader.state).toMatchObject({ phase: 'answering' });
  });

  it('takes its time from the latent clock, from <bot> to the first text after it', () => {
    const sequence = started(entry(1), 100);
    sequence.advance(2, logits(newline), 110);
    sequence.advance(2, hidden(1), 130);
    sequence.advance(1, hidden(1), 160);
    sequence.advance(2, logits(3), 200);
    const last = sequence.end('aborted', 300);
    expect(last).toMatchObject({ timings: { prefillMs: 10, latentMs: 90, decodeMs: 100 } });
  });

  it('leaves prompt and text for others to reuse, and looks for its prompt only', () => {
    const sequence = started({ ...entry(1), cacheScope: 'a' });
    expect(sequence.wanted).toEqual([1, 2]);
    sequence.advance(2, logits(newline), 0);
    sequence.advance(2, hidden(1), 0);
    expect(sequence.fed).toEqual([1, 2, newline, bot]);
    const another = new Sequence(2, sequence.request, 0);
    expect(another.resume([1, 2])).toBe(1);
    another.start(0);
    expect([another.inputs(1), another.wants(1)]).toEqual([[2], 'logits']);
  });
});

describe('a request for it', () => {
  const check = (overrides: Partial<GenerationRequest>) => () =>
    checkRequest(makeRequest({ promptIds: [1], maxTokens: 3, ...overrides }), smallLimits);

  it('needs room for its markers', () => {
    expect(check({ ...entry(1), maxTokens: 5 })).not.toThrow();
    expect(check({ ...entry(1), maxTokens: 6 })).toThrow('9 positions asked for, a slot holds 8');
  });

  it.each([
    ['latentEntry.afterLines must be a whole number from 1, got 0', entry(0)],
    ['latentEntry with 1 suffixIds', { ...entry(1), suffixIds: [7] }],
    ['latentEntry with a grammar', { ...entry(null), grammar: 'root ::= "a"' }],
    ['token id 10 is not in 0..9', { latentEntry: { ...entry(1).latentEntry, botId: 10 } }],
  ])('is refused: %s', (message, overrides) => {
    expect(check(overrides)).toThrow(message);
  });
});
