// A long random life of the engine's loop: arrivals, choices, thoughts, shared prefixes, late masks, aborts and
// deadlines in any order, over 100,000 steps. Every step is checked, and every answer against the same request run alone.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { GrammarCursor } from '../../src/engine/grammar-thread.ts';
import type { GenerationRequest, TokenEvent } from '../../src/engine/messages.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import { StepLoop } from '../../src/engine/step-loop.ts';
import type { Refinement } from '../../src/engine/thought-inputs.ts';
import { HistoryRunner } from './history-runner.ts';
import { type Collected, collect, makeRequest, thoughtsWithin } from './requests.ts';

const plan = fc.record({
  arrivesAt: fc.nat(250),
  /** The first tokens of one text that all prompts begin with, then some of its own. */
  shared: fc.constantFrom(1, 8, 13, 20),
  ownIds: fc.array(fc.nat(7), { maxLength: 2 }),
  cacheScope: fc.constantFrom('a', 'a', 'a', 'b', undefined),
  traceWords: fc.constantFrom(undefined, undefined, undefined, 2),
  suffixIds: fc.array(fc.nat(7), { maxLength: 2 }),
  thoughts: fc.nat(6),
  /** Passes over its thoughts, where they are refined together; six make any number of them exact. */
  iterations: fc.constantFrom(undefined, undefined, undefined, undefined, undefined, 2, 3, 6),
  /** Thoughts in the middle of the answer: where the model writes <bot>, or after lines. */
  entry: fc.constantFrom(undefined, undefined, undefined, undefined, null, 1, 2),
  /** Kept to a grammar whose masks come so many steps late; not where thoughts begin in the middle. */
  lateMasks: fc.constantFrom(undefined, undefined, undefined, 0, 1, 4),
  choices: fc.integer({ min: 1, max: 3 }),
  maxTokens: fc.integer({ min: 0, max: 24 }),
  stopIds: fc.array(fc.nat(7), { maxLength: 1 }),
  temperature: fc.constantFrom(0, 1),
  seed: fc.nat(),
  /** Steps after the arrival; choices that there are not are not aborted. */
  aborts: fc.array(fc.record({ choice: fc.nat(5), after: fc.nat(60) }), { maxLength: 2 }),
  deadlineMs: fc.option(fc.integer({ min: 1, max: 200 }), { freq: 2 }),
  queueDeadlineMs: fc.option(fc.integer({ min: 1, max: 100 }), { freq: 2 }),
});
const scenario = fc.record({
  plans: fc.array(plan, { minLength: 20, maxLength: 40 }),
  slots: fc.integer({ min: 3, max: 6 }),
  maxPrefillTokens: fc.integer({ min: 1, max: 40 }),
  /** None, a few entries that push each other out, or all. */
  prefixCacheBytes: fc.constantFrom(0, 600, 2 ** 20),
});
type Plan = typeof plan extends fc.Arbitrary<infer P> ? P : never;
type Scenario = typeof scenario extends fc.Arbitrary<infer S> ? S : never;

const lines = { botId: 7, eotId: 2, lineEndIds: [0, 4] };
const sharedText = [3, 1, 4, 1, 5, 0, 2, 6, 5, 3, 5, 0, 7, 2, 3, 2, 3, 0, 4, 6];
const promptOf = ({ shared, ownIds }: Plan) => [...sharedText.slice(0, shared), ...ownIds];

function requestOf(chosen: Plan): GenerationRequest {
  const { suffixIds, maxTokens, stopIds, temperature, seed, cacheScope, traceWords } = chosen;
  const { sampling } = makeRequest();
  const { entry, iterations } = chosen;
  const latentEntry = entry === undefined ? undefined : { ...lines, afterLines: entry };
  // Checkpoints share nothing, and thoughts that are refined together have no traces.
  const checkpoint = iterations === undefined ? 'sequential' : 'jacobi';
  return makeRequest({
    ...{ promptIds: promptOf(chosen), maxTokens, stopIds },
    ...(latentEntry ? { latentEntry } : { suffixIds }),
    ...(cacheScope !== undefined && { cacheScope: `${cacheScope} ${checkpoint}` }),
    ...(traceWords !== undefined && iterations === undefined && { traceWords }),
    thoughts: { kind: 'model', count: chosen.thoughts },
    sampling: { ...sampling, temperature, seed },
    returnThoughts: true,
    deadlineMs: chosen.deadlineMs ?? Number.POSITIVE_INFINITY,
    queueDeadlineMs: chosen.queueDeadlineMs ?? Number.POSITIVE_INFINITY,
  });
}

const slotId = 6;
const refinementOf = ({ iterations }: Plan): Refinement | undefined =>
  iterations === undefined ? undefined : { iterations, slotId };

/** Bars another token at each place. A mask is there once the loop has asked for it as often as it is late. */
class LateCursor implements GrammarCursor {
  isClosed = false;
  readonly #late: number;
  #missing: number;
  #accepted = 0;

  constructor(late: number) {
    this.#late = late;
    this.#missing = late;
  }

  get isSettled(): boolean {
    return this.#missing === 0;
  }

  async settled(): Promise<void> {
    this.#missing -= 1;
  }

  mask(): Int32Array {
    return Int32Array.of(0xff & ~(1 << (this.#accepted % 8)));
  }

  accept(): void {
    this.#accepted += 1;
    this.#missing = this.#late;
  }

  close(): void {
    this.isClosed = true;
  }
}

const isHeld = ({ lateMasks, entry }: Plan) => lateMasks !== undefined && entry === undefined;

/** A choice of a plan's request, and all that the loop said of it. */
type Life = {
  plan: Plan;
  choice: number;
  sequence: Sequence;
  cursor: LateCursor | null;
  events: TokenEvent[];
  /** Where it was before the current step, or before its end. */
  phase: string;
};

const isWaiting = ({ sequence }: Life) => sequence.state.phase === 'waiting';
const isFinished = ({ sequence }: Life) => sequence.state.phase === 'finished';

function arrive(chosen: Plan, firstId: number, nowMs: number): Life[] {
  const request = requestOf(chosen);
  return Array.from({ length: chosen.choices }, (_, choice) => {
    const cursor = isHeld(chosen) ? new LateCursor(chosen.lateMasks!) : null;
    const refinement = refinementOf(chosen);
    const sequence = new Sequence(firstId + choice, request, nowMs, firstId, refinement, cursor);
    return { plan: chosen, choice, sequence, cursor, events: [], phase: 'waiting' };
  });
}

/** Plays the scenario to its end and checks each step. */
async function play({ plans, slots, maxPrefillTokens, prefixCacheBytes }: Scenario) {
  const runner = new HistoryRunner(slots, prefixCacheBytes);
  const lives: Life[] = [];
  let nowMs = 0;
  let steps = 0;
  const loop = new StepLoop(runner, { slots, maxPrefillTokens }, () => nowMs);
  const lastArrival = Math.max(...plans.map(({ arrivesAt }) => arrivesAt));
  for (; nowMs <= lastArrival || !loop.isIdle; nowMs++) {
    for (const arriving of plans.filter(({ arrivesAt }) => arrivesAt === nowMs)) {
      const choices = arrive(arriving, lives.length, nowMs);
      lives.push(...choices);
      for (const { sequence } of choices) loop.submit(sequence);
    }
    for (const life of lives) {
      const { plan, choice, sequence } = life;
      if (!isFinished(life)) life.phase = sequence.state.phase;
      const isDue = (abort: Plan['aborts'][number]) =>
        abort.choice === choice && plan.arrivesAt + abort.after === nowMs;
      if (plan.aborts.some(isDue)) loop.abort(sequence.id);
    }
    const outcome = await loop.step();
    if (!outcome) continue;
    steps++;
    if (outcome.failures.length > 0) throw new Error(JSON.stringify(outcome.failures));
    for (const { id, event } of outcome.events) lives[id]?.events.push(event);
    checkSlots(lives, runner, slots, outcome.report.running);
    checkOrder(lives);
    if (nowMs > 20_000) throw new Error('the loop does not come to an end');
  }
  return { runner, lives, steps };
}

// Plain comparisons: an expect() in each of so many steps would take longer than the loop.
function checkSlots(lives: Life[], runner: HistoryRunner, slots: number, reported: number): void {
  const running = lives.filter((life) => !isWaiting(life) && !isFinished(life));
  if (running.length > slots || running.length !== reported) {
    throw new Error(`${running.length} run, ${reported} reported, of ${slots} slots`);
  }
  const ids = new Set(running.map(({ sequence }) => sequence.id));
  const leaked = runner.held.ids.filter((id) => !ids.has(id));
  if (leaked.length > 0) throw new Error(`slots of ${leaked} are not freed`);
}

/** Behind one that waits nobody was admitted; those that ended there gave up while they waited. */
function checkOrder(lives: Life[]): void {
  const first = lives.findIndex(isWaiting);
  if (first === -1) return;
  const passed = lives.slice(first).find(({ sequence: { state } }) => {
    if (state.phase === 'finished') return state.reason === 'stop' || state.reason === 'length';
    return state.phase !== 'waiting';
  });
  if (passed) throw new Error(`sequence ${passed.sequence.id} passed ${first} in the queue`);
}

/**
 * The same choice with the loop to itself, and nothing to end it early. With a pass for each of its thoughts it thinks
 * one by one here: that is what the passes come to.
 */
async function playAlone({ plan: chosen, sequence: { id, firstId } }: Life): Promise<Collected> {
  const loop = new StepLoop(new HistoryRunner(1, 0), { slots: 1, maxPrefillTokens: 64 }, () => 0);
  const cursor = isHeld(chosen) ? new LateCursor(0) : null;
  const isExact = (chosen.iterations ?? 0) >= chosen.thoughts;
  const refinement = isExact ? undefined : refinementOf(chosen);
  loop.submit(new Sequence(id, requestOf(chosen), 0, firstId, refinement, cursor));
  const events: TokenEvent[] = [];
  while (!loop.isIdle) events.push(...((await loop.step())?.events ?? []).map((e) => e.event));
  return collect(events, orderOf(chosen));
}

const orderOf = ({ entry }: Plan) => (entry === undefined ? undefined : thoughtsWithin);

async function checkLife(life: Life, runner: HistoryRunner): Promise<void> {
  const { plan: chosen, choice } = life;
  // Throws unless there is one end, and nothing after it.
  const { tokens, finished } = collect(life.events, orderOf(chosen));
  const { reason, usage } = finished;
  const ledger = runner.ledgerOf(life.sequence.id);
  const { entry } = chosen;
  const suffixLength = entry === undefined ? chosen.suffixIds.length : 0;
  const promptTokens = promptOf(chosen).length + suffixLength;
  // <bot> that the model writes is drawn like text, and is none.
  const hasEntered = ledger.entries === 1 || life.phase === 'opening';
  const drawnMarkers = entry === null && hasEntered ? 1 : 0;
  // Logits by which no text was drawn: of the stop id, where none was to be, or whose mask never came.
  const isTextless = reason === 'length' && chosen.maxTokens === 0;
  const isMaskless = life.phase === 'choosing' && (reason === 'aborted' || reason === 'expired');
  const undrawn = reason === 'stop' || isTextless || isMaskless ? 1 : 0;
  const answerTokens = ledger.logits - drawnMarkers - undrawn;
  // Thoughts that were found are told of once something new follows them, refined ones once they are fed.
  const isUnderWay = ledger.thoughts + ledger.logits > 0;
  const computed = chosen.iterations === undefined ? ledger.thoughts : ledger.refined;
  expect(usage).toEqual({
    promptTokens,
    cachedTokens: ledger.tokensReused,
    thoughts: computed + (isUnderWay ? ledger.thoughtsReused : 0),
    answerTokens,
  });
  expect(tokens).toHaveLength(answerTokens);
  expect(life.cursor?.isClosed).not.toBe(false);
  checkTraces(life);
  checkEntry(life, ledger.entries);
  const alone = await playAlone(life);
  if (reason === 'stop' || reason === 'length') {
    expect({ tokens, reason }).toEqual({ tokens: alone.tokens, reason: alone.finished.reason });
    expect(finished.thoughts).toEqual(alone.finished.thoughts);
    // The last token is sampled and never fed.
    const { tokensFed, tokensReused } = ledger;
    const markers = 2 * ledger.entries - drawnMarkers;
    expect(tokensFed + tokensReused).toBe(promptTokens + ledger.logits - 1 + markers);
    return;
  }
  expect(tokens).toEqual(alone.tokens.slice(0, tokens.length));
  expect(finished.thoughts).toEqual(alone.finished.thoughts?.slice(0, 2 * usage.thoughts));
  if (reason === 'aborted') expect(chosen.aborts.map((a) => a.choice)).toContain(choice);
  else expect(chosen.deadlineMs ?? chosen.queueDeadlineMs).not.toBeNull();
}

/** Every thought that was computed has its trace, on each choice. */
function checkTraces({ sequence, events }: Life): void {
  const { traceWords } = sequence.request;
  for (const event of events) {
    if (event.kind !== 'thought') continue;
    expect(event.trace?.words.length).toBe(traceWords);
  }
}

/** Between <bot> and <eot> once at most, and never before the lines that were asked for. */
function checkEntry({ plan: { entry, thoughts }, events, sequence }: Life, entries: number): void {
  if (entry === undefined) return;
  const { promptIds } = sequence.request;
  const written = sequence.fed.slice(promptIds.length);
  const at = written.indexOf(lines.botId);
  expect([entries, at === -1 ? 0 : 1]).toEqual([entries, entries]);
  if (at === -1) return;
  const fed = written.slice(at + 1);
  const isThought = fed.map((input) => typeof input !== 'number');
  const last = isThought.lastIndexOf(true);
  expect(isThought.slice(0, last + 1).every(Boolean)).toBe(true);
  if (fed.length > thoughts) expect([last + 1, fed[thoughts]]).toEqual([thoughts, lines.eotId]);
  const first = events.findIndex(({ kind }) => kind === 'thought');
  if (entry === null || first === -1) return;
  const before = events
    .slice(0, first)
    .map((event) => (event.kind === 'token' ? event.tokenId : -1));
  const ends = before.filter((id) => lines.lineEndIds.includes(id));
  expect([ends.length, ends.at(-1)]).toEqual([entry, before.at(-1)]);
}

/** What the scenarios came across, so that none of it can drop out of them unseen. */
type Coverage = {
  ends: Set<string>;
  reused: number;
  reusedThoughts: number;
  forks: number;
  /** Batches with a sweep beside rows that write, or think one by one. */
  mixedSweeps: number;
  /** Answers that may have no text. */
  textless: number;
  /** Of latent mode in the middle of an answer, by what it waited for. */
  entries: { model: number; lines: number };
};

function cover(
  coverage: Coverage,
  { plan: chosen, events, phase, choice, sequence }: Life,
  runner: HistoryRunner,
) {
  const { reason } = collect(events, orderOf(chosen)).finished;
  const isEarly = reason === 'aborted' || reason === 'expired';
  coverage.ends.add(isEarly ? `${reason} while ${phase}` : reason);
  const { tokensReused, thoughtsReused, logits, entries } = runner.ledgerOf(sequence.id);
  coverage.entries[chosen.entry === null ? 'model' : 'lines'] += entries;
  coverage.reused += tokensReused > 0 ? 1 : 0;
  coverage.reusedThoughts += thoughtsReused > 0 ? 1 : 0;
  coverage.textless += chosen.maxTokens === 0 && !isEarly ? 1 : 0;
  coverage.forks += choice > 0 && tokensReused > 0 && logits > 0 ? 1 : 0;
}

it('keeps its promises over 100,000 steps of any work', { timeout: 360_000 }, async () => {
  let total = 0;
  const coverage: Coverage = {
    ...{ ends: new Set(), reused: 0, reusedThoughts: 0, forks: 0, textless: 0, mixedSweeps: 0 },
    entries: { model: 0, lines: 0 },
  };
  const property = fc.asyncProperty(scenario, async (chosen) => {
    const { runner, lives, steps } = await play(chosen);
    total += steps;
    coverage.mixedSweeps += runner.mixedSweeps;
    expect(runner.held.ids).toEqual([]);
    for (const life of lives) {
      await checkLife(life, runner);
      cover(coverage, life, runner);
    }
  });
  // Interrupted while it shrinks, it shows the smallest failure so far.
  await fc.assert(property, { numRuns: 500, interruptAfterTimeLimit: 300_000 });
  expect(total).toBeGreaterThanOrEqual(100_000);
  const running = ['prefilling', 'opening', 'thinking', 'refining', 'choosing', 'answering'];
  const phases = ['waiting', 'following', ...running];
  const early = phases.flatMap((phase) => [`aborted while ${phase}`, `expired while ${phase}`]);
  expect([...coverage.ends].sort()).toEqual([...early, 'length', 'stop'].sort());
  expect(coverage.reused).toBeGreaterThan(1000);
  expect(coverage.reusedThoughts).toBeGreaterThan(50);
  expect(coverage.forks).toBeGreaterThan(100);
  expect(coverage.textless).toBeGreaterThan(100);
  expect(coverage.mixedSweeps).toBeGreaterThan(1000);
  expect(Math.min(coverage.entries.model, coverage.entries.lines)).toBeGreaterThan(1000);
});
