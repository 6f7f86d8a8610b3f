import { expect, it } from 'vitest';
import { ask, FakeEngine, fakeApp, fakeModel, postChat } from '../support/fake-engine.ts';

/** Counts the turns of the event loop until it is stopped. */
function countTurns() {
  let turns = 0;
  let immediate = setImmediate(function count() {
    turns += 1;
    immediate = setImmediate(count);
  });
  return { now: () => turns, stop: () => clearImmediate(immediate) };
}

it('begins one of the requests that arrive together in each turn, in their order', async () => {
  const turns = countTurns();
  const begun: { turn: number; maxTokens: number }[] = [];
  class TimedEngine extends FakeEngine {
    override submitChoices(...args: Parameters<FakeEngine['submitChoices']>) {
      begun.push({ turn: turns.now(), maxTokens: args[0].maxTokens });
      return super.submitChoices(...args);
    }
  }
  const { app } = fakeApp([fakeModel(new TimedEngine({ text: 'Yes.' }), { slotCapacity: 512 })]);
  const limits = Array.from({ length: 40 }, (_, i) => 100 + i);
  const answers = limits.map((limit) =>
    postChat(app, ask({ max_tokens: limit, latent_thoughts: 0 })),
  );
  // A probe does not stand in line.
  const probe = Promise.resolve(app.request('/healthz')).then(() => begun.length);
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(limits.map(() => 200));
  turns.stop();
  expect(begun.map(({ maxTokens }) => maxTokens)).toEqual(limits);
  expect(new Set(begun.map(({ turn }) => turn)).size).toBe(limits.length);
  expect(await probe).toBeLessThan(5);
});
