// When an answer's time begins, and how it is ended.
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { notCancelled } from '../../src/engine/engine.ts';
import { ask, FakeEngine, fakeApp, fakeModel, postChat } from '../support/fake-engine.ts';

describe('the time of an answer', () => {
  it.each([
    ['/v1/chat/completions', ask()],
    ['/v1/completions', { model: 'fake/coconut', prompt: 'Is' }],
    ['/v1/responses', { model: 'fake/coconut', input: 'Is' }],
  ])('to %s counts from its arrival, before its body has come', async (path, body) => {
    const { app, deps } = fakeApp([fakeModel(new FakeEngine({ text: 'Yes.' }))]);
    const bodyMs = 200;
    const slowly = new ReadableStream(
      {
        async pull(controller) {
          await delay(bodyMs);
          controller.enqueue(new TextEncoder().encode(JSON.stringify(body)));
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: slowly, duplex: 'half' as const };
    const response = await app.request(new Request(`http://localhost${path}`, init));
    expect(response.status).toBe(200);
    for (const metric of ['request_duration', 'time_to_first_token'] as const) {
      const { values } = await deps.metrics[`coconut_${metric}_seconds`].get();
      const sum = values.find(({ metricName }) => metricName?.endsWith('_sum'));
      expect(sum?.value, metric).toBeGreaterThan((bodyMs - 10) / 1000);
    }
  });
});

describe('an answer that ends at a stop string', () => {
  it('is not called off', async () => {
    const signals: AbortSignal[] = [];
    class WatchedEngine extends FakeEngine {
      override submitChoices(...args: Parameters<FakeEngine['submitChoices']>) {
        signals.push(...args[1]);
        return super.submitChoices(...args);
      }
    }
    const { app } = fakeApp([fakeModel(new WatchedEngine({ text: 'Yes.' }, { hang: true }))]);
    expect((await postChat(app, ask({ stop: ['es'] }))).status).toBe(200);
    expect(signals.map(({ reason }) => reason)).toEqual([notCancelled]);
  });
});
