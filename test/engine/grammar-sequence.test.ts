// An answer under a grammar whose masks come late, early or never, over a scripted model.
import { describe, expect, it } from 'vitest';
import type { GrammarCursor } from '../../src/engine/grammar-thread.ts';
import { checkRequest } from '../../src/engine/request-check.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import { StepLoop } from '../../src/engine/step-loop.ts';
import { collect, makeRequest, smallLimits } from './requests.ts';
import { ScriptedRunner } from './scripted-runner.ts';

/** Allows `ids` everywhere; each mask takes `lateMs` to come. */
class ScriptedCursor implements GrammarCursor {
  readonly accepted: number[] = [];
  isClosed = false;
  isSettled = false;
  #pending: Promise<void>;
  readonly #lateMs: number;
  readonly #mask: () => Int32Array;

  constructor(ids: readonly number[], lateMs: number, failure?: string) {
    this.#lateMs = lateMs;
    this.#mask = () => {
      if (failure) throw new Error(failure);
      return Int32Array.of(ids.reduce((bits, id) => bits | (1 << id), 0));
    };
    this.#pending = this.#settle();
  }

  settled(): Promise<void> {
    return this.#pending;
  }

  mask(): Int32Array {
    return this.#mask();
  }

  accept(tokenId: number): void {
    this.accepted.push(tokenId);
    this.#pending = this.#settle();
  }

  close(): void {
    this.isClosed = true;
  }

  async #settle(): Promise<void> {
    this.isSettled = this.#lateMs === 0;
    if (this.isSettled) return;
    await new Promise((resolve) => setTimeout(resolve, this.#lateMs));
    this.isSettled = true;
  }
}

const all = [...Array(16).keys()];
const request = makeRequest({ maxTokens: 5 });

async function run(cursors: (GrammarCursor | null)[], maxSteps = 500) {
  const runner = new ScriptedRunner(cursors.length);
  const limits = { slots: cursors.length, maxPrefillTokens: 64 };
  const loop = new StepLoop(runner, limits, () => performance.now());
  cursors.forEach((cursor, id) => {
    loop.submit(new Sequence(id, request, 0, id, undefined, cursor));
  });
  const outcomes = [];
  for (let i = 0; i < maxSteps && !loop.isIdle; i++) outcomes.push((await loop.step()) ?? []);
  const steps = outcomes.flat();
  const eventsOf = (wanted: number) =>
    steps.flatMap(({ events }) =>
      events.filter(({ id }) => id === wanted).map(({ event }) => event),
    );
  return { runner, eventsOf, failures: steps.flatMap(({ failures }) => failures) };
}

const tokensOf = async (cursor: GrammarCursor | null) =>
  collect((await run([cursor])).eventsOf(0)).tokens;

describe('a grammar', () => {
  it('that allows everything changes nothing', async () => {
    expect(await tokensOf(new ScriptedCursor(all, 0))).toEqual(await tokensOf(null));
  });

  it.each([0, 1, 12])('holds every token to it, its masks %i ms late', async (lateMs) => {
    const cursor = new ScriptedCursor([3, 9], lateMs);
    const tokens = await tokensOf(cursor);
    expect(tokens).toHaveLength(5);
    expect(tokens.every((token) => token === 3 || token === 9)).toBe(true);
    // The last token is not followed by another.
    expect(cursor.accepted).toEqual(tokens.slice(0, 4));
    expect(cursor.isClosed).toBe(true);
  });

  it('that is late does not keep the others of its batch waiting for it', async () => {
    const late = new ScriptedCursor(all, 150);
    const { eventsOf, runner } = await run([late, null], 6);
    expect(collect(eventsOf(1)).tokens).toHaveLength(5);
    expect(eventsOf(0)).toEqual([]);
    expect(runner.held.ids).toEqual([0]);
  });

  it('that fails takes its own answer with it only', async () => {
    const broken = new ScriptedCursor(all, 1, 'grammar: it is broken');
    const { eventsOf, failures, runner } = await run([broken, null]);
    expect(failures).toEqual([{ id: 0, message: 'grammar: it is broken' }]);
    expect(collect(eventsOf(1)).tokens).toHaveLength(5);
    expect(broken.isClosed).toBe(true);
    expect(runner.held.ids).toEqual([]);
  });

  it('is closed where its answer is aborted while it chooses', async () => {
    const cursor = new ScriptedCursor(all, 10_000);
    const loop = new StepLoop(new ScriptedRunner(1), { slots: 1, maxPrefillTokens: 64 }, () => 0);
    loop.submit(new Sequence(7, request, 0, 7, undefined, cursor));
    await loop.step();
    loop.abort(7);
    const outcome = await loop.step();
    expect(outcome?.events).toMatchObject([{ id: 7, event: { reason: 'aborted' } }]);
    expect(cursor.isClosed).toBe(true);
  });

  it('and a least number of tokens do not go together', () => {
    const bad = makeRequest({ grammar: 'root ::= "a"', minTokens: 2, stopIds: [5] });
    expect(() => checkRequest(bad, smallLimits)).toThrow('minTokens 2 with a grammar');
  });
});
