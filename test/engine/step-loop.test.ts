// How sequences end and share a place in the loop, case by case over a scripted model.
import { describe, expect, it } from 'vitest';
import type { TokenEvent } from '../../src/engine/messages.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import { StepLoop } from '../../src/engine/step-loop.ts';
import { collect, makeRequest } from './requests.ts';
import { ScriptedRunner } from './scripted-runner.ts';

describe('abort', () => {
  const states = ['waiting', 'prefilling', 'thinking', 'answering', 'finished'] as const;

  it.each(states)('frees the slot of a sequence that is %s', async (phase) => {
    const runner = new ScriptedRunner(1);
    const loop = new StepLoop(runner, { slots: 1, maxPrefillTokens: 4 }, () => 0);
    const request = makeRequest({
      promptIds: [1, 1, 1, 1, 1, 1],
      thoughts: { kind: 'model', count: 2 },
      maxTokens: 3,
    });
    const sequence = new Sequence(0, request, 0);
    loop.submit(sequence);
    const events: TokenEvent[] = [];
    const step = async () => {
      for (const { id, event } of (await loop.step())?.events ?? [])
        if (id === 0) events.push(event);
    };
    for (let i = 0; sequence.state.phase !== phase; i++) {
      expect(i).toBeLessThan(20);
      await step();
    }
    loop.submit(new Sequence(1, request, 0));
    loop.abort(0);
    expect(runner.held.has(0)).toBe(false);
    await step();
    expect(runner.held.has(1)).toBe(true);
    expect(collect(events).finished.reason).toBe(phase === 'finished' ? 'length' : 'aborted');
    loop.abort(0);
    await step();
    expect(events.filter(({ kind }) => kind === 'finished')).toHaveLength(1);
  });

  it('of the last request is reported though nothing runs any more', async () => {
    const loop = new StepLoop(new ScriptedRunner(1), { slots: 1, maxPrefillTokens: 4 }, () => 0);
    loop.submit(new Sequence(0, makeRequest(), 0));
    await loop.step();
    loop.abort(0);
    const outcome = await loop.step();
    expect(outcome?.events).toMatchObject([{ id: 0, event: { reason: 'aborted' } }]);
    expect(outcome?.report).toMatchObject({ running: 0, prefillRows: 0, decodeRows: 0 });
    expect(await loop.step()).toBeNull();
  });
});

describe('the report', () => {
  const started = (slots: number, sequences: Sequence[]) => {
    const limits = { slots, maxPrefillTokens: 8 };
    const loop = new StepLoop(new ScriptedRunner(slots), limits, () => 0);
    for (const sequence of sequences) loop.submit(sequence);
    return loop;
  };
  const cancelledIn = async (loop: StepLoop) => (await loop.step())?.report.cancelled;
  const thinking = { thoughts: { kind: 'model' as const, count: 2 }, maxTokens: 3 };

  it.each([
    ['waiting', 'queued'],
    ['prefilling', 'prefill'],
    ['thinking', 'thinking'],
    ['answering', 'answering'],
  ] as const)('tells once of a request that is called off while %s', async (phase, stage) => {
    const request = makeRequest({ promptIds: Array(12).fill(1), ...thinking });
    const sequence = new Sequence(0, request, 0);
    const loop = started(1, [sequence]);
    while (sequence.state.phase !== phase) await loop.step();
    loop.abort(0);
    loop.abort(0);
    expect(await cancelledIn(loop)).toEqual([stage]);
    loop.submit(new Sequence(1, request, 0));
    expect(await cancelledIn(loop)).toEqual([]);
  });

  it('takes the choices of a request for one, and says nothing of those that are complete', async () => {
    const choices = (firstId: number) =>
      [0, 1].map((i) => new Sequence(firstId + i, makeRequest(thinking), 0, firstId));
    const loop = started(4, [...choices(0), ...choices(2)]);
    await loop.step();
    for (const id of [2, 3]) loop.abort(id, false);
    loop.abort(0);
    expect(await cancelledIn(loop)).toEqual([]);
    loop.abort(1);
    expect(await cancelledIn(loop)).toEqual(['thinking']);
  });

  it('counts what shorter rows are padded with', async () => {
    const prompts = [4, 3].map((length) => makeRequest({ promptIds: Array(length).fill(1) }));
    const loop = started(
      2,
      prompts.map((request, id) => new Sequence(id, request, 0)),
    );
    expect((await loop.step())?.report).toMatchObject({ prefillRows: 2, paddedPositions: 1 });
    expect((await loop.step())?.report).toMatchObject({ decodeRows: 2, paddedPositions: 0 });
  });
});

describe('deadlines', () => {
  const request = makeRequest({
    promptIds: [1, 1, 1, 1, 1, 1],
    thoughts: { kind: 'model', count: 2 },
    maxTokens: 8,
    deadlineMs: 100,
  });

  it.each(['waiting', 'prefilling', 'thinking', 'answering'] as const)(
    'end a sequence that is %s, with what it used, and free its slot',
    async (phase) => {
      const runner = new ScriptedRunner(1);
      let nowMs = 0;
      const loop = new StepLoop(runner, { slots: 1, maxPrefillTokens: 4 }, () => nowMs);
      const sequence = new Sequence(0, request, 0);
      loop.submit(sequence);
      const events: TokenEvent[] = [];
      const step = async () => {
        for (const { id, event } of (await loop.step())?.events ?? [])
          if (id === 0) events.push(event);
      };
      while (sequence.state.phase !== phase) await step();
      nowMs = 99;
      if (phase !== 'waiting') await step();
      expect(sequence.state.phase).not.toBe('finished');
      nowMs = 100;
      loop.submit(new Sequence(1, request, nowMs));
      await step();
      const { finished, tokens, thoughtEvents } = collect(events);
      expect(finished).toMatchObject({
        reason: 'expired',
        usage: { thoughts: thoughtEvents.length, answerTokens: tokens.length },
      });
      expect(runner.held.ids).toEqual([1]);
    },
  );

  it('of the queue end with the first batch', async () => {
    let nowMs = 0;
    const loop = new StepLoop(
      new ScriptedRunner(1),
      { slots: 1, maxPrefillTokens: 8 },
      () => nowMs,
    );
    const impatient = makeRequest({ queueDeadlineMs: 10, maxTokens: 3 });
    loop.submit(new Sequence(0, impatient, 0));
    loop.submit(new Sequence(1, impatient, 0));
    const reasons: unknown[] = [];
    for (; !loop.isIdle; nowMs += 10) {
      for (const { id, event } of (await loop.step())?.events ?? [])
        if (event.kind === 'finished') reasons.push([id, event.reason]);
    }
    expect(reasons).toEqual([
      [1, 'expired'],
      [0, 'length'],
    ]);
  });
});

describe('choices', () => {
  const choicesOf = (count: number, firstId: number) =>
    Array.from(
      { length: count },
      (_, i) => new Sequence(firstId + i, makeRequest({ maxTokens: 2 }), 0, firstId),
    );

  it('are admitted together or not at all, and nobody passes them', async () => {
    const runner = new ScriptedRunner(3);
    const loop = new StepLoop(runner, { slots: 3, maxPrefillTokens: 8 }, () => 0);
    for (const sequence of [...choicesOf(1, 0), ...choicesOf(3, 1), ...choicesOf(1, 4)]) {
      loop.submit(sequence);
    }
    expect((await loop.step())?.report).toMatchObject({ running: 1, waiting: 4 });
    await loop.step();
    expect((await loop.step())?.report).toMatchObject({ running: 3, waiting: 1 });
    expect(runner.held.ids).toEqual([1, 2, 3]);
  });

  it('go on under the next of them when their leader is aborted before the fork', async () => {
    const runner = new ScriptedRunner(2);
    const loop = new StepLoop(runner, { slots: 2, maxPrefillTokens: 2 }, () => 0);
    for (const sequence of choicesOf(2, 0)) loop.submit(sequence);
    await loop.step();
    loop.abort(0);
    const events: TokenEvent[] = [];
    while (!loop.isIdle) {
      for (const { id, event } of (await loop.step())?.events ?? [])
        if (id === 1) events.push(event);
    }
    expect(collect(events).finished.reason).toBe('length');
  });
});

describe('a failing run', () => {
  it('ends the sequence whose logits are not finite, and frees its slot', async () => {
    const runner = new ScriptedRunner(2, 5);
    const loop = new StepLoop(runner, { slots: 2, maxPrefillTokens: 8 }, () => 0);
    loop.submit(new Sequence(0, makeRequest({ promptIds: [1, 1, 1, 1] }), 0));
    loop.submit(new Sequence(1, makeRequest({ promptIds: [1, 1, 1], maxTokens: 2 }), 0));
    await loop.step();
    const outcome = await loop.step();
    expect(outcome?.failures).toEqual([{ id: 0, message: 'the logit of token 0 of 16 is NaN' }]);
    expect(outcome?.events.map(({ id, event }) => [id, event.kind])).toEqual([
      [1, 'token'],
      [1, 'finished'],
    ]);
    expect(runner.held.ids).toEqual([]);
  });
});
