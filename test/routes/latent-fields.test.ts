// The fields of thoughts and of sampling at each endpoint that generates text: the same meaning everywhere.
import { describe, expect, it } from 'vitest';
import {
  ask,
  errorOf,
  FakeEngine,
  fakeApp,
  fakeModel,
  post,
  special,
} from '../support/fake-engine.ts';

const endpoints = [
  {
    path: '/v1/chat/completions',
    body: ask(),
    effort: (reasoning_effort: string) => ({ reasoning_effort }),
  },
  {
    path: '/v1/completions',
    // Thoughts have to be asked for there.
    body: { model: 'fake/coconut', prompt: 'Hi', reasoning_effort: 'high', max_tokens: 40 },
    effort: (reasoning_effort: string) => ({ reasoning_effort }),
  },
  {
    path: '/v1/responses',
    body: { model: 'fake/coconut', input: 'Hi' },
    effort: (effort: string) => ({ reasoning: { effort } }),
  },
];

function serve(allowLatentControl = false) {
  const engine = new FakeEngine({ text: '### Tom is a cat.' });
  return { engine, ...fakeApp([fakeModel(engine)], { allowLatentControl }) };
}

describe.each(endpoints)('$path', ({ path, body, effort }) => {
  const requestFor = async (extra: object) => {
    const { app, engine } = serve(true);
    const response = await post(app, path, { ...body, ...extra });
    expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
    return engine.requests[0]!;
  };

  it.each<[object, number]>([
    [{}, 6],
    [{ thinking_token_budget: 4 }, 4],
    [{ thinking_token_budget: 0 }, 0],
    [{ thinking_token_budget: 4096 }, 6],
    [{ thinking_token_budget: 1, latent_thoughts: 5 }, 5],
    [{ thinking_token_budget: 1, ...effort('medium') }, 1],
    [{ thinking_token_budget: 5, ...effort('medium') }, 4],
    [effort('low'), 2],
    [{ ...effort('low'), latent_thoughts: 3 }, 3],
  ])('%j gives %i thoughts', async (extra, count) => {
    expect((await requestFor(extra)).thoughts.count).toBe(count);
  });

  it('takes latent_stop, latent_after and latent_control', async () => {
    const latent_stop = { kind: 'convergence', threshold: 0.9 };
    expect((await requestFor({ latent_stop })).thoughts).toMatchObject({ stopCosine: 0.9 });
    const { latentEntry, suffixIds } = await requestFor({ latent_after: { kind: 'model' } });
    expect([latentEntry?.botId, suffixIds]).toEqual([special.bot, []]);
    const { thoughts } = await requestFor({ latent_control: 'zero' });
    expect(thoughts).toMatchObject({ control: 'zero' });
  });

  it('refuses latent_control where the server does not allow it', async () => {
    const { app, engine } = serve();
    const response = await post(app, path, { ...body, latent_control: 'zero' });
    expect([response.status, (await errorOf(response)).param]).toEqual([400, 'latent_control']);
    expect(engine.requests).toEqual([]);
  });

  it('refuses a negative budget', async () => {
    const response = await post(serve().app, path, { ...body, thinking_token_budget: -1 });
    expect((await errorOf(response)).param).toBe('thinking_token_budget');
  });

  it('hands sampling to the engine', async () => {
    const request = await requestFor({
      ...{ temperature: 0.5, top_p: 0.9, top_k: 5, min_p: 0.1, seed: 7 },
      ...{ presence_penalty: 1, frequency_penalty: -1, repetition_penalty: 1.5 },
      ...{ logit_bias: { '65': -100 }, stop_token_ids: [10], ignore_eos: true, min_tokens: 2 },
    });
    expect(request).toMatchObject({
      sampling: {
        ...{ temperature: 0.5, topP: 0.9, topK: 5, minP: 0.1, seed: 7 },
        ...{ presencePenalty: 1, frequencyPenalty: -1, repetitionPenalty: 1.5 },
        logitBias: [[65, -100]],
      },
      stopIds: [10],
      minTokens: 2,
    });
  });

  it('stops at a stop string', async () => {
    const text = await (await post(serve().app, path, { ...body, stop: [' a cat'] })).text();
    expect(text).toContain('Tom is"');
    expect(text).not.toContain('a cat');
  });
});

describe('/v1/completions without thoughts', () => {
  it.each<[string, object]>([
    ['thinking_token_budget', { thinking_token_budget: 2 }],
    ['latent_after', { latent_after: { kind: 'question' } }],
    ['latent_stop', { latent_stop: { kind: 'fixed' } }],
    ['latent_control', { latent_control: 'zero' }],
  ])('refuses %s, which would change nothing', async (param, extra) => {
    const body = { model: 'fake/coconut', prompt: 'Hi', ...extra };
    const error = await errorOf(post(serve(true).app, '/v1/completions', body));
    expect(error).toMatchObject({ code: null, param });
    expect(error.message).toContain('only allowed with latent_thoughts or reasoning_effort');
  });

  it('takes them beside a number, 0 included', async () => {
    const { app, engine } = serve();
    const body = { model: 'fake/coconut', prompt: 'Hi', latent_thoughts: 0 };
    const { status } = await post(app, '/v1/completions', {
      ...body,
      latent_stop: { kind: 'fixed' },
    });
    expect(status).toBe(200);
    expect(engine.requests[0]).toMatchObject({ promptIds: [72, 105], thoughts: { count: 0 } });
  });
});
