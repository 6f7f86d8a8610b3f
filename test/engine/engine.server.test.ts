// The engine as the API sees it: a real worker thread over the tiny checkpoint.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Engine, startEngine } from '../../src/engine/engine.ts';
import {
  type EngineThread,
  type StartThread,
  startEngineThread,
} from '../../src/engine/engine-thread.ts';
import {
  type EngineOptions,
  greedySampling,
  type StepReport,
  type TokenEvent,
} from '../../src/engine/messages.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { writeTinyCheckpoint } from '../support/tiny-model.ts';
import { makeRequest, readAll } from './requests.ts';

const eot = 258;

function tinyEngine(
  options: Partial<EngineOptions> = {},
  queueLimit = 8,
  startThread?: StartThread,
): Engine {
  const checkpointDir = join(temporaryDirectory(), 'tiny');
  writeTinyCheckpoint(checkpointDir, { seed: 7, method: 'coconut' });
  const engine = startEngine(
    {
      checkpointDir,
      slots: 2,
      slotCapacity: 128,
      maxPrefillTokens: 128,
      threads: 1,
      weights: 'fp32',
      ...options,
    },
    { queueLimit },
    startThread,
  );
  onTestFinished(() => engine.drain());
  return engine;
}

const thinking = makeRequest({
  thoughts: { kind: 'model', count: 3 },
  suffixIds: [eot],
  maxTokens: 6,
});
/** Runs until it is aborted, near enough. */
const endless = makeRequest({ maxTokens: 120 });
const code = (expected: ErrorCode) => expect.objectContaining({ code: expected });

describe('a request', () => {
  it('streams thoughts, tokens and its end, submitted before the engine is ready', async () => {
    const engine = tinyEngine();
    expect(engine.state).toBe('loading');
    const { tokens, thoughtEvents, finished } = await readAll(engine.submit(thinking));
    expect(engine.state).toBe('ready');
    expect(tokens).toHaveLength(6);
    expect(thoughtEvents).toEqual([0, 1, 2]);
    expect(finished).toMatchObject({
      reason: 'length',
      usage: { promptTokens: 4, thoughts: 3, answerTokens: 6 },
      thoughts: null,
    });
    expect(Object.values(finished.timings).every((ms) => ms > 0)).toBe(true);
    expect(await engine.ready()).toMatchObject({ slots: 2, slotCapacity: 128 });
  });

  it('that may have no text ends after its thoughts, and leaves them to the next', async () => {
    const engine = tinyEngine({ prefixCacheBytes: 2 ** 20 });
    const cut = { ...thinking, maxTokens: 0, cacheScope: 'own', returnThoughts: true };
    const ended = await readAll(engine.submit(cut));
    expect(ended.tokens).toEqual([]);
    expect(ended.finished).toMatchObject({ reason: 'length', usage: { thoughts: 3 } });
    const whole = await readAll(engine.submit({ ...cut, maxTokens: 6 }));
    expect(whole.finished.usage.cachedTokens).toBeGreaterThan(0);
    expect(whole.finished.thoughts).toEqual(ended.finished.thoughts);
    expect(whole.tokens).toEqual((await readAll(engine.submit(thinking))).tokens);
  });

  it('is sampled by its seed', async () => {
    const engine = tinyEngine();
    const ask = async (seed: number) => {
      const sampling = { ...greedySampling, temperature: 1, topP: 0.95, seed };
      return (await readAll(engine.submit({ ...thinking, sampling, maxTokens: 20 }))).tokens;
    };
    const first = await ask(-5);
    expect(await ask(-5)).toEqual(first);
    expect(await ask(2 ** 60)).not.toEqual(first);
  });

  it('ends as aborted within one step, and leaves room for the next', async () => {
    const engine = tinyEngine({ slots: 1 });
    const controller = new AbortController();
    const events: TokenEvent[] = [];
    for await (const event of engine.submit(endless, controller.signal)) {
      events.push(event);
      if (events.length === 3) controller.abort();
    }
    expect(events.at(-1)).toMatchObject({ kind: 'finished', reason: 'aborted' });
    // Tokens that were on their way; the rest of the 120 was never computed.
    expect(events.length).toBeLessThan(60);
    expect((await readAll(engine.submit(thinking))).finished.reason).toBe('length');
  });

  it('is aborted while it waits, or before it was submitted', async () => {
    const engine = tinyEngine({ slots: 1 });
    const running = readAll(engine.submit(endless));
    const controller = new AbortController();
    const waiting = readAll(engine.submit(thinking, controller.signal));
    controller.abort();
    const late = readAll(engine.submit(thinking, controller.signal));
    for (const { tokens, finished } of await Promise.all([waiting, late])) {
      expect(tokens).toEqual([]);
      expect(finished).toMatchObject({ reason: 'aborted', usage: { thoughts: 0 } });
    }
    expect((await running).finished.reason).toBe('length');
  });

  it('is given up when its reader leaves', async () => {
    const engine = tinyEngine({ slots: 1 }, 0);
    for await (const event of engine.submit(endless)) {
      if (event.kind === 'token') break;
    }
    const idle = new Promise<StepReport>((resolve) => {
      engine.onStep((report) => report.running === 0 && resolve(report));
    });
    expect(await idle).toMatchObject({ running: 0, waiting: 0, decodeRows: 0 });
    expect((await readAll(engine.submit(thinking))).finished.reason).toBe('length');
  });

  it('fails alone when it cannot be served', async () => {
    const engine = tinyEngine();
    const good = readAll(engine.submit(thinking));
    const bad = readAll(engine.submit(makeRequest({ promptIds: [1, 260] })));
    await expect(bad).rejects.toMatchObject({
      code: 'server_error',
      cause: { message: 'request 2: token id 260 is not in 0..259' },
    });
    expect((await good).tokens).toHaveLength(6);
    expect(engine.state).toBe('ready');
  });
});

describe('a thread that crashes', () => {
  it('fails what was in flight; the next one answers as before', async () => {
    const threads: EngineThread[] = [];
    const engine = tinyEngine({}, 8, (options, handlers) => {
      const thread = startEngineThread(options, handlers);
      threads.push(thread);
      return thread;
    });
    const crashes: string[] = [];
    engine.onCrash(({ message }) => crashes.push(message));
    const { tokens } = await readAll(engine.submit(thinking));
    const inFlight = Promise.allSettled([
      readAll(engine.submit(endless)),
      readAll(engine.submit(endless)),
    ]);
    // No message at all: the worker reads its kind, outside of everything that guards a request.
    threads[0]!.post(null as never);
    for (const outcome of await inFlight) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'engine_unavailable' },
      });
    }
    expect(crashes).toEqual([expect.stringContaining('TypeError')]);
    expect(engine.state).toBe('restarting');
    expect(() => engine.submit(thinking)).toThrow(code('engine_unavailable'));
    await vi.waitFor(() => expect(engine.state).toBe('ready'), { timeout: 60_000 });
    expect((await readAll(engine.submit(thinking))).tokens).toEqual(tokens);
    expect(threads).toHaveLength(2);
  });
});

describe('choices', () => {
  const sampled = { ...thinking, sampling: { ...greedySampling, temperature: 1, seed: 3 } };
  const signals = (count: number) =>
    Array.from({ length: count }, () => new AbortController().signal);

  it('differ by their seeds, and the first is the request’s only answer', async () => {
    const engine = tinyEngine();
    const alone = await readAll(engine.submit(sampled));
    const [first, second] = await Promise.all(
      engine.submitChoices(sampled, signals(2)).map(readAll),
    );
    expect(first?.tokens).toEqual(alone.tokens);
    expect(second?.tokens).not.toEqual(alone.tokens);
    expect(second?.finished.usage).toEqual(first?.finished.usage);
  });

  it('end one by one', async () => {
    const engine = tinyEngine();
    const controller = new AbortController();
    const [left, kept] = engine.submitChoices(endless, [controller.signal, ...signals(1)]);
    const whole = readAll(kept as AsyncIterable<TokenEvent>);
    for await (const event of left as AsyncIterable<TokenEvent>) {
      if (event.kind === 'token') controller.abort();
    }
    expect((await whole).tokens).toHaveLength(120);
  });

  it('beyond the slots or the queue are refused', () => {
    const engine = tinyEngine({ slots: 2 }, 1);
    expect(() => engine.submitChoices(sampled, signals(3))).toThrow('3 choices asked for');
    engine.submitChoices(sampled, signals(2));
    expect(() => engine.submitChoices(sampled, signals(2))).toThrow(code('server_is_overloaded'));
  });
});

describe('admission', () => {
  it('refuses what no slot can hold, with both numbers', () => {
    const engine = tinyEngine({ slotCapacity: 12 });
    expect(() => engine.submit({ ...thinking, maxTokens: 6 })).toThrow(
      'at most 12 positions (prompt, thoughts and answer together), and the request needs 13',
    );
    expect(() => engine.submit({ ...thinking, maxTokens: 6 })).toThrow(
      code('context_length_exceeded'),
    );
    engine.submit({ ...thinking, maxTokens: 5 });
  });

  it('refuses what exceeds slots and queue, until one of them ends', async () => {
    const engine = tinyEngine({ slots: 2 }, 1);
    const running = [thinking, thinking, thinking].map((request) => engine.submit(request));
    expect(() => engine.submit(thinking)).toThrow(code('server_is_overloaded'));
    await Promise.all(running.map(readAll));
    expect((await readAll(engine.submit(thinking))).tokens).toHaveLength(6);
  });
});

describe('step reports', () => {
  it('count each position that a request spends time on', async () => {
    const engine = tinyEngine();
    const sum = { prefillRows: 0, latentRows: 0, decodeRows: 0 };
    engine.onStep((report) => {
      sum.prefillRows += report.prefillRows;
      sum.latentRows += report.latentRows;
      sum.decodeRows += report.decodeRows;
    });
    await readAll(engine.submit(thinking));
    // The first token comes with the last thought's step, and the last token is never fed.
    expect(sum).toEqual({ prefillRows: 1, latentRows: 3, decodeRows: 5 });
  });
});

describe('the end', () => {
  it('drains: what was submitted is finished, nothing new is taken', async () => {
    const engine = tinyEngine({ slots: 1 });
    const answers = [thinking, thinking, thinking].map((request) =>
      readAll(engine.submit(request)),
    );
    const drained = engine.drain();
    expect(engine.state).toBe('draining');
    expect(() => engine.submit(thinking)).toThrow(code('engine_unavailable'));
    await drained;
    expect(engine.state).toBe('stopped');
    for (const { tokens } of await Promise.all(answers)) expect(tokens).toHaveLength(6);
    await engine.drain();
  });

  it('fails everything in flight when the engine cannot load', async () => {
    const checkpointDir = temporaryDirectory();
    writeFileSync(join(checkpointDir, 'config.json'), '{');
    const engine = tinyEngine({ checkpointDir });
    const answer = readAll(engine.submit(thinking));
    await expect(answer).rejects.toMatchObject({ code: 'server_error' });
    await expect(engine.ready()).rejects.toThrow('config.json');
    expect(engine.state).toBe('failed');
    expect(() => engine.submit(thinking)).toThrow(code('server_error'));
    await engine.drain();
  });
});
