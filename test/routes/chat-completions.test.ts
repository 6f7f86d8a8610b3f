import { describe, expect, it, vi } from 'vitest';
import {
  ask,
  chunksOf,
  completionOf,
  errorOf,
  FakeEngine,
  fakeApp,
  fakeModel,
  postChat,
  queueFull,
  type ScriptStep,
} from '../support/fake-engine.ts';

function serve(...script: ScriptStep[]) {
  const engine = new FakeEngine(...script);
  return { engine, ...fakeApp([fakeModel(engine)]) };
}

const answer: ScriptStep[] = [{ text: '### Tom is a cat.' }];

describe('a plain completion', () => {
  it('has OpenAI’s shape, the thoughts in its usage, and no answer marker', async () => {
    const { app } = serve(...answer);
    const response = await postChat(app, ask({ metadata: { ticket: '7' } }));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'fake/coconut',
      system_fingerprint: 'fp_abcdef0123',
      service_tier: 'default',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Tom is a cat.', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 16,
        completion_tokens: 23,
        total_tokens: 39,
        prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
        completion_tokens_details: {
          reasoning_tokens: 6,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
      },
      timings: expect.objectContaining({ queue_ms: 1, prefill_ms: 2, latent_ms: 3, decode_ms: 4 }),
      metadata: { ticket: '7' },
    });
  });

  it('stops at max_completion_tokens with the reason length', async () => {
    const { app } = serve(...answer);
    const { choices, usage } = await completionOf(
      postChat(app, ask({ max_completion_tokens: 13 })),
    );
    expect(choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'Tom' } });
    expect(usage?.completion_tokens).toBe(13);
  });

  it('ends before a stop string that spans tokens, and frees the slot', async () => {
    const { app, engine } = serve({ text: '### Tom is a cat. And more.' }, { hang: true });
    const body = await completionOf(postChat(app, ask({ stop: ['never', ' a cat'] })));
    expect(body.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: 'Tom is' },
    });
    expect(body.usage?.completion_tokens).toBe(6 + '### Tom is a cat'.length);
    expect(engine.endings).toEqual(['aborted']);
  });

  it('never splits a character of several bytes', async () => {
    const { app } = serve({ text: 'añ🥥' });
    const chunks = await chunksOf(await postChat(app, ask({ stream: true })));
    const deltas = chunks.map((chunk) => chunk.choices[0]?.delta.content).filter(Boolean);
    expect(deltas).toEqual(['a', 'ñ', '🥥']);
  });

  it('answers a full queue with 503 and Retry-After', async () => {
    const { app, engine } = serve();
    engine.refusal = queueFull;
    const response = await postChat(app, ask({ stream: true }));
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect((await errorOf(response)).code).toBe('server_is_overloaded');
  });

  it('answers an engine failure with 500 and nothing of its text', async () => {
    const { app } = serve({ text: 'To' }, { fail: new Error('secret at /srv/x') });
    const response = await postChat(app, ask());
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
  });

  it('names the served models when asked for another', async () => {
    const error = await errorOf(postChat(serve().app, ask({ model: 'gpt-4' })));
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model' });
    expect(error.message).toContain('fake/coconut');
  });
});

describe('a streamed completion', () => {
  it('is this transcript', async () => {
    const { app } = serve({ text: '### Tom.' });
    const body = ask({ stream: true, stream_options: { include_usage: true } });
    const response = await postChat(app, body);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    const transcript = (await response.text())
      .replaceAll(/chatcmpl-[\w-]+/g, 'chatcmpl-ID')
      .replaceAll(/"created":\d+/g, '"created":0')
      .replaceAll(/_ms":[\d.]+/g, '_ms":0');
    await expect(transcript).toMatchFileSnapshot('../golden/chat-stream.sse');
  });

  it('adds up to the plain answer, with one role and one finish reason', async () => {
    const plain = await completionOf(postChat(serve(...answer).app, ask()));
    const chunks = await chunksOf(await postChat(serve(...answer).app, ask({ stream: true })));
    const choices = chunks.map((chunk) => chunk.choices[0]);
    const text = choices.map((choice) => choice?.delta.content ?? '').join('');
    expect(text).toBe(plain.choices[0]?.message.content);
    expect(choices.filter((choice) => choice?.delta.role)).toHaveLength(1);
    expect(choices.filter((choice) => choice?.finish_reason)).toHaveLength(1);
    expect(chunks.every((chunk) => !('usage' in chunk))).toBe(true);
  });

  it('ends in one error object and no [DONE] when the engine fails midway', async () => {
    const { app } = serve({ text: 'To' }, { fail: new Error('secret') });
    const response = await postChat(app, ask({ stream: true }));
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).not.toMatch(/\[DONE\]|secret/);
    const last = text.trimEnd().split('\n\n').at(-1)?.slice('data: '.length) ?? '';
    expect(JSON.parse(last)).toEqual({
      error: {
        message: expect.any(String),
        type: 'server_error',
        param: null,
        code: 'server_error',
      },
    });
  });

  it('aborts the engine when the reader leaves', async () => {
    const { app, engine } = serve({ text: 'To' }, { hang: true });
    const response = await postChat(app, ask({ stream: true }));
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect(engine.endings).toEqual(['aborted']);
  });

  it('sends comments while nothing else comes', async () => {
    const engine = new FakeEngine({ hang: true });
    const { app } = fakeApp([fakeModel(engine)], { heartbeatMs: 5 });
    const response = await postChat(app, ask({ stream: true }));
    const reader = response.body?.getReader();
    await reader?.read();
    const { value } = (await reader?.read()) ?? {};
    expect(new TextDecoder().decode(value)).toBe(': ping\n\n');
    await reader?.cancel();
  });

  it('is cut off with an error object when the process must exit', async () => {
    const cutoff = new AbortController();
    const engine = new FakeEngine({ text: 'To' }, { hang: true });
    const { app } = fakeApp([fakeModel(engine)], {}, { cutoff: cutoff.signal });
    const response = await postChat(app, ask({ stream: true }));
    setTimeout(() => cutoff.abort(), 20);
    const chunks = await chunksOf(response);
    expect(chunks.at(-1)).toMatchObject({ error: { code: 'request_aborted' } });
    expect(engine.endings).toEqual(['aborted']);
  });
});

describe('several choices', () => {
  it('bill prompt and thoughts once, and each text', async () => {
    const { app } = serve(...answer);
    const one = await completionOf(postChat(app, ask()));
    const three = await completionOf(postChat(app, ask({ n: 3 })));
    expect(three.choices.map(({ index, message }) => [index, message.content])).toEqual(
      [0, 1, 2].map((index) => [index, 'Tom is a cat.']),
    );
    const texts = 3 * '### Tom is a cat.'.length;
    expect(three.usage).toMatchObject({
      prompt_tokens: one.usage?.prompt_tokens,
      completion_tokens: 6 + texts,
      completion_tokens_details: { reasoning_tokens: 6 },
    });
  });

  it('each have a role, their text and a finish reason in a stream, and one usage', async () => {
    const body = ask({ n: 2, stream: true, stream_options: { include_usage: true }, stop: ' a' });
    const { app, engine } = serve({ text: 'Tom is a cat.' }, { hang: true });
    const chunks = await chunksOf(postChat(app, body));
    for (const index of [0, 1]) {
      const own = chunks.flatMap(({ choices }) => choices.filter((c) => c.index === index));
      expect(own.filter(({ delta }) => delta.role)).toHaveLength(1);
      expect(own.map(({ delta }) => delta.content ?? '').join('')).toBe('Tom is');
      expect(own.filter((choice) => choice.finish_reason)).toHaveLength(1);
    }
    expect(chunks.filter((chunk) => chunk.usage)).toHaveLength(1);
    expect(engine.endings).toEqual(['aborted', 'aborted']);
  });

  it('all end when the reader leaves', async () => {
    const { app, engine } = serve({ text: 'To' }, { hang: true });
    const reader = (await postChat(app, ask({ n: 2, stream: true }))).body?.getReader();
    // Two roles, then text: both choices have begun.
    for (let i = 0; i < 3; i++) await reader?.read();
    await reader?.cancel();
    await vi.waitFor(() => expect(engine.endings).toEqual(['aborted', 'aborted']));
  });

  it('beyond the server’s number are refused', async () => {
    const error = await errorOf(postChat(serve().app, ask({ n: 5 })));
    expect(error).toMatchObject({ code: null, type: 'invalid_request_error', param: 'n' });
    expect(error.message).toContain('at most 4 choices, got 5');
  });
});

describe('many answers at once', () => {
  it('all end at the cutoff, and none is mistaken for a leak', async () => {
    const warn = vi.spyOn(process, 'emitWarning');
    const cutoff = new AbortController();
    const engine = new FakeEngine({ hang: true });
    const { app } = fakeApp([fakeModel(engine)], {}, { cutoff: cutoff.signal });
    const answers = Array.from({ length: 20 }, () => postChat(app, ask()));
    await vi.waitFor(() => expect(engine.requests).toHaveLength(20));
    cutoff.abort();
    const statuses = (await Promise.all(answers)).map((response) => response.status);
    expect(statuses).toEqual(Array(20).fill(503));
    expect(warn).not.toHaveBeenCalled();
  });
});

describe('a plain completion whose client leaves', () => {
  it('aborts the engine', async () => {
    const { app, engine } = serve({ text: 'To' }, { hang: true });
    const client = new AbortController();
    setTimeout(() => client.abort(), 20);
    const response = await app.request('/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ask()),
      signal: client.signal,
    });
    expect((await errorOf(response)).code).toBe('request_aborted');
    expect(engine.endings).toEqual(['aborted']);
  });
});
