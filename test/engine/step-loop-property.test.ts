// What must hold for any requests, arrivals and aborts, found by fast-check over a scripted model.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TokenEvent } from '../../src/engine/messages.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import { StepLoop, type StepOutcome } from '../../src/engine/step-loop.ts';
import { collect, type Finished, makeRequest } from './requests.ts';
import { ScriptedRunner } from './scripted-runner.ts';

type Plan = {
  arrivesAt: number;
  abortsAt: number | null;
  promptLength: number;
  thoughts: number;
  suffixLength: number;
  maxTokens: number;
  stopId: number;
  /** Only the first of them is aborted. */
  choices: number;
};

const plan: fc.Arbitrary<Plan> = fc.record({
  arrivesAt: fc.nat(20),
  abortsAt: fc.option(fc.nat(40)),
  promptLength: fc.integer({ min: 1, max: 30 }),
  thoughts: fc.nat(5),
  suffixLength: fc.nat(2),
  maxTokens: fc.integer({ min: 0, max: 8 }),
  stopId: fc.nat(15),
  choices: fc.integer({ min: 1, max: 3 }),
});
const scenario = fc.record({
  plans: fc.array(plan, { minLength: 1, maxLength: 12 }),
  slots: fc.integer({ min: 1, max: 4 }),
  maxPrefillTokens: fc.integer({ min: 1, max: 40 }),
  breaksAt: fc.option(fc.integer({ min: 1, max: 40 }), { nil: Number.POSITIVE_INFINITY }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer S> ? S : never;

const requestOf = ({ promptLength, thoughts, suffixLength, maxTokens, stopId }: Plan) =>
  makeRequest({
    promptIds: Array.from({ length: promptLength }, () => 1),
    thoughts: { kind: 'model', count: thoughts },
    suffixIds: Array.from({ length: suffixLength }, () => 2),
    maxTokens,
    stopIds: [stopId],
    returnThoughts: true,
  });

async function play({ plans, slots, maxPrefillTokens, breaksAt }: Scenario) {
  const runner = new ScriptedRunner(slots, breaksAt);
  let nowMs = 0;
  const loop = new StepLoop(runner, { slots, maxPrefillTokens }, () => nowMs);
  const outcomes: StepOutcome[] = [];
  // Ids in order of arrival, so that FIFO can be read off them.
  const arrivals: (Plan & { firstId: number })[] = [];
  for (const item of [...plans].sort((a, b) => a.arrivesAt - b.arrivesAt)) {
    const firstId = arrivals.length;
    const others = Array(Math.min(item.choices, slots) - 1).fill({
      ...item,
      abortsAt: null,
      firstId,
    });
    arrivals.push({ ...item, firstId }, ...others);
  }
  for (; nowMs < 45 || !loop.isIdle; nowMs++) {
    arrivals.forEach((item, id) => {
      if (item.arrivesAt === nowMs) {
        loop.submit(new Sequence(id, requestOf(item), nowMs, item.firstId));
      }
      if (item.abortsAt === nowMs) loop.abort(id);
    });
    const outcome = await loop.step();
    if (outcome) outcomes.push(outcome);
    if (nowMs > 2000) throw new Error('the loop does not come to an end');
  }
  return { runner, outcomes, arrivals };
}

function eventsOf(outcomes: readonly StepOutcome[], id: number): TokenEvent[] {
  return outcomes.flatMap(({ events }) => events.filter((e) => e.id === id).map((e) => e.event));
}

/** Of the text: its last token is not fed where the limit ends it. */
const fedOf = (tokens: readonly number[], { reason }: Finished) =>
  reason === 'length' ? Math.max(0, tokens.length - 1) : tokens.length;

const failuresOf = (outcomes: readonly StepOutcome[], id: number) =>
  outcomes.flatMap(({ failures }) => failures.filter((failure) => failure.id === id));

describe('any run of the engine', () => {
  const property = (check: (played: Awaited<ReturnType<typeof play>>) => void) =>
    fc.assert(
      fc.asyncProperty(scenario, async (chosen) => check(await play(chosen))),
      { numRuns: 150 },
    );

  it('gives every request one end, and nothing after it', () =>
    property(({ outcomes, arrivals }) => {
      arrivals.forEach((_, id) => {
        const events = eventsOf(outcomes, id);
        const failures = failuresOf(outcomes, id);
        if (failures.length === 0) collect(events);
        else expect(events.some(({ kind }) => kind === 'finished')).toBe(false);
        expect(failures.length).toBeLessThanOrEqual(1);
      });
    }));

  it('frees every slot', () =>
    property(({ runner, outcomes }) => {
      expect(runner.held.ids).toEqual([]);
      expect(outcomes.at(-1)?.report).toMatchObject({ running: 0, waiting: 0 });
    }));

  it('admits requests in order of arrival', () =>
    property(({ runner, outcomes, arrivals }) => {
      const admitted = arrivals.flatMap((item, id) => {
        if (failuresOf(outcomes, id).length > 0 || !runner.fed.has(id)) return [];
        return item.arrivesAt + collect(eventsOf(outcomes, id)).finished.timings.queueMs;
      });
      expect(admitted).toEqual([...admitted].sort((a, b) => a - b));
    }));

  it('feeds each position once and counts what it fed', () =>
    property(({ runner, outcomes, arrivals }) => {
      arrivals.forEach((item, id) => {
        if (failuresOf(outcomes, id).length > 0) return;
        const { finished, tokens, thoughtEvents } = collect(eventsOf(outcomes, id));
        expect(thoughtEvents).toEqual([...thoughtEvents.keys()]);
        expect(finished.usage.answerTokens).toBe(tokens.length);
        expect(finished.usage.thoughts).toBe(thoughtEvents.length);
        expect(finished.thoughts).toHaveLength(2 * thoughtEvents.length);
        if (finished.reason === 'aborted') return;
        expect(thoughtEvents).toHaveLength(item.thoughts);
        expect(runner.fed.get(id)).toBe(
          item.promptLength + item.thoughts + item.suffixLength + fedOf(tokens, finished),
        );
      });
    }));

  it('computes prompt and thoughts once for all choices, unless their leader is aborted', () =>
    property(({ runner, outcomes, arrivals }) => {
      const computed = new Map<number, number>();
      for (const { id, count } of runner.batches.flatMap(({ rows }) => rows)) {
        computed.set(id, (computed.get(id) ?? 0) + count);
      }
      arrivals.forEach(({ firstId }, id) => {
        if (id === firstId || failuresOf(outcomes, id).length > 0) return;
        if (failuresOf(outcomes, firstId).length > 0) return;
        const leader = collect(eventsOf(outcomes, firstId)).finished;
        if (leader.reason === 'aborted') return;
        const { tokens, finished } = collect(eventsOf(outcomes, id));
        expect(computed.get(id) ?? 0).toBe(fedOf(tokens, finished));
        expect(finished.thoughts).toEqual(leader.thoughts);
      });
    }));

  it('never lets one kind of work wait for two batches of the other', () =>
    property(({ runner, outcomes }) => {
      // A sequence that decodes is in every decode batch until its end.
      const ends = new Map<number, number>();
      runner.batches.forEach(({ rows }, at) => {
        for (const { id } of rows) ends.set(id, at);
      });
      runner.batches.forEach(({ kind, rows }, at) => {
        if (kind !== 'decode') return;
        for (const { id } of rows.filter((row) => (ends.get(row.id) ?? 0) > at)) {
          const nextAt = runner.batches.findIndex(
            (batch, later) => later > at && batch.rows.some((row) => row.id === id),
          );
          expect(nextAt - at).toBeLessThanOrEqual(2);
        }
      });
      expect(outcomes.length).toBeGreaterThanOrEqual(runner.batches.length);
    }));

  it('spends all of a request’s time on its phases', () =>
    property(({ outcomes, arrivals }) => {
      arrivals.forEach((item, id) => {
        if (failuresOf(outcomes, id).length > 0) return;
        const { timings, reason } = collect(eventsOf(outcomes, id)).finished;
        const total = timings.queueMs + timings.prefillMs + timings.latentMs + timings.decodeMs;
        expect(total).toBeGreaterThanOrEqual(0);
        if (reason === 'aborted') expect(total).toBe((item.abortsAt ?? 0) - item.arrivesAt);
      });
    }));
});
