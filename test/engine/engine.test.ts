// The engine's handle over scripted threads: crashes, restarts, and what it refuses meanwhile.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { notCancelled, startEngine } from '../../src/engine/engine.ts';
import type { ThreadHandlers } from '../../src/engine/engine-thread.ts';
import type { EngineOptions, ToWorker } from '../../src/engine/messages.ts';
import { maxCrashes, RestartPolicy } from '../../src/engine/restart-policy.ts';
import { makeRequest, readAll } from './requests.ts';

type ScriptedThread = ThreadHandlers & { posted: ToWorker[]; becomeReady: () => void };

beforeEach(() => {
  vi.useFakeTimers();
});

function engineOverScriptedThreads() {
  const threads: ScriptedThread[] = [];
  const crashes: [string, boolean][] = [];
  const options: EngineOptions = {
    checkpointDir: 'none',
    slots: 1,
    slotCapacity: 64,
    maxPrefillTokens: 64,
    threads: 1,
    weights: 'fp32',
  };
  const engine = startEngine(options, { queueLimit: 4 }, (_, handlers) => {
    const posted: ToWorker[] = [];
    const endings = { weightsMs: 1, sessionMs: 2 };
    const loaded = { slots: 1, slotCapacity: 64, loadMs: 1, endings, adapter: null };
    const ready = { kind: 'ready', ...loaded } as const;
    threads.push({ ...handlers, posted, becomeReady: () => handlers.onMessage(ready) });
    return { post: (message) => posted.push(message) };
  });
  engine.onCrash(({ message }, restarts) => crashes.push([message, restarts]));
  return { engine, threads, crashes, last: () => threads.at(-1) as ScriptedThread };
}

const asker = { caller: 'one', signal: new AbortController().signal };
const crash = new Error('out of memory');
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('an abort', () => {
  it('is a cancellation unless its reason says that it is none', () => {
    const { engine, last } = engineOverScriptedThreads();
    last().becomeReady();
    const [left, complete] = [new AbortController(), new AbortController()];
    for (const { signal } of [left, complete]) engine.submit(makeRequest(), signal);
    left.abort();
    complete.abort(notCancelled);
    expect(last().posted.filter(({ kind }) => kind === 'abort')).toEqual([
      { kind: 'abort', id: 1, isCancelled: true },
      { kind: 'abort', id: 2, isCancelled: false },
    ]);
  });
});

describe('a compilation', () => {
  it('is asked for by its caller, and left when its signal says so', async () => {
    const { engine, last } = engineOverScriptedThreads();
    last().becomeReady();
    const [first, second] = [new AbortController(), new AbortController()];
    const problems = [first, second].map(({ signal }) =>
      engine.compile('root ::= "a"', { caller: 'one', signal }),
    );
    const reason = new Error('gone');
    second.abort(reason);
    await expect(problems[1]).rejects.toBe(reason);
    last().onMessage({ kind: 'compiled', id: 1, problem: 'wrong' });
    expect(await problems[0]).toBe('wrong');
    first.abort();
    expect(last().posted).toEqual([
      { kind: 'compile', id: 1, grammar: 'root ::= "a"', caller: 'one' },
      { kind: 'compile', id: 2, grammar: 'root ::= "a"', caller: 'one' },
      { kind: 'leave', id: 2 },
    ]);
  });
});

describe('a crash', () => {
  it('fails each request in flight once, and is made good by a new thread', async () => {
    const { engine, threads, crashes, last } = engineOverScriptedThreads();
    last().becomeReady();
    const answers = [1, 2].map(() => readAll(engine.submit(makeRequest())));
    last().onEnd(crash);
    for (const answer of answers) {
      await expect(answer).rejects.toMatchObject({ code: 'engine_unavailable', status: 503 });
    }
    expect(engine.state).toBe('restarting');
    expect(() => engine.submit(makeRequest())).toThrow(code('engine_unavailable'));
    await vi.advanceTimersByTimeAsync(250);
    expect(threads).toHaveLength(2);
    expect(engine.state).toBe('restarting');
    last().becomeReady();
    expect(engine.state).toBe('ready');
    engine.submit(makeRequest());
    expect(last().posted).toMatchObject([{ kind: 'submit', id: 3 }]);
    expect(crashes).toEqual([['out of memory', true]]);
  });

  it('that is over does not reach a later request: an abort goes to the new thread only', async () => {
    const { engine, threads, last } = engineOverScriptedThreads();
    last().becomeReady();
    const controller = new AbortController();
    const answer = readAll(engine.submit(makeRequest(), controller.signal));
    last().onEnd(crash);
    await expect(answer).rejects.toMatchObject({ code: 'engine_unavailable' });
    await vi.advanceTimersByTimeAsync(250);
    controller.abort();
    expect(threads.map(({ posted }) => posted.length)).toEqual([1, 0]);
  });

  it('before the engine was ever ready is final', async () => {
    const { engine, threads, crashes, last } = engineOverScriptedThreads();
    const answer = readAll(engine.submit(makeRequest()));
    last().onEnd(crash);
    await expect(answer).rejects.toMatchObject({ code: 'server_error', cause: crash });
    await expect(engine.ready()).rejects.toBe(crash);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(threads).toHaveLength(1);
    expect(engine.state).toBe('failed');
    expect(() => engine.submit(makeRequest())).toThrow(code('server_error'));
    expect(crashes).toEqual([['out of memory', false]]);
  });

  it('rejects a grammar that was being compiled, which may be asked for again', async () => {
    const { engine, last } = engineOverScriptedThreads();
    last().becomeReady();
    const problem = engine.compile('root ::= "a"', asker);
    last().onEnd(crash);
    await expect(problem).rejects.toMatchObject({ code: 'engine_unavailable', status: 503 });
  });

  it('again and again ends the engine, and only the last one is final for what was in flight', async () => {
    const { engine, threads, last } = engineOverScriptedThreads();
    const codes: string[] = [];
    for (let i = 0; i < maxCrashes; i++) {
      last().becomeReady();
      const told = [readAll(engine.submit(makeRequest())), engine.compile('root ::= "a"', asker)];
      last().onEnd(crash);
      const outcomes = await Promise.allSettled(told);
      codes.push(...outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason.code));
      await vi.advanceTimersByTimeAsync(10_000);
    }
    const retryable = Array<string>(2 * (maxCrashes - 1)).fill('engine_unavailable');
    expect(codes).toEqual([...retryable, 'server_error', 'server_error']);
    expect(threads).toHaveLength(maxCrashes);
    expect(engine.state).toBe('failed');
    await engine.drain();
  });
});

describe('drain', () => {
  it('between two threads starts none', async () => {
    const { engine, threads, last } = engineOverScriptedThreads();
    last().becomeReady();
    last().onEnd(crash);
    await engine.drain();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(engine.state).toBe('stopped');
    expect(threads).toHaveLength(1);
  });

  it('reaches the thread that is being started', async () => {
    const { engine, last } = engineOverScriptedThreads();
    last().becomeReady();
    last().onEnd(crash);
    await vi.advanceTimersByTimeAsync(250);
    const drained = engine.drain();
    expect(last().posted).toEqual([{ kind: 'drain' }]);
    last().becomeReady();
    expect(engine.state).toBe('draining');
    last().onEnd(null);
    await drained;
    expect(engine.state).toBe('stopped');
  });

  it('that meets a crash does not wait for ever', async () => {
    const { engine, threads, last } = engineOverScriptedThreads();
    last().becomeReady();
    const answer = readAll(engine.submit(makeRequest()));
    const drained = engine.drain();
    last().onEnd(crash);
    await expect(answer).rejects.toMatchObject({ code: 'engine_unavailable' });
    await drained;
    expect(engine.state).toBe('stopped');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(threads).toHaveLength(1);
  });
});

describe('RestartPolicy', () => {
  it('waits longer each time, then gives up', () => {
    const policy = new RestartPolicy();
    const delays = Array.from({ length: maxCrashes }, () => policy.afterCrash(5));
    expect(delays).toEqual([250, 500, 1000, 2000, 4000, null]);
  });

  it('forgets what came before a minute of health', () => {
    const policy = new RestartPolicy();
    for (let i = 0; i < maxCrashes - 1; i++) policy.afterCrash(5);
    expect(policy.afterCrash(60_000)).toBe(250);
  });
});
