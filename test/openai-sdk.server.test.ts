// OpenAI's own client against this server over a real socket, the engine scripted.
import OpenAI, { APIError, NotFoundError } from 'openai';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type HttpServer, listen } from '../src/http-server.ts';
import type { AppDeps } from '../src/routes/app-context.ts';
import {
  ask,
  FakeEngine,
  fakeApp,
  fakeModel,
  queueFull,
  type ScriptStep,
} from './support/fake-engine.ts';

const question: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Is Tom a cat?' }];
const request = { model: 'fake/coconut', messages: question };

let server: HttpServer | undefined;
afterEach(() => server?.destroy());

async function serve(script: ScriptStep[], config: Partial<AppDeps['config']> = {}) {
  const engine = new FakeEngine(...script);
  const { app } = fakeApp([fakeModel(engine)], config);
  server = await listen(app, { host: '127.0.0.1', port: 0 });
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 });
  return { engine, client, url: server.url };
}

describe('the openai client', () => {
  it('lists and retrieves models', async () => {
    const { client } = await serve([]);
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    expect(ids).toEqual(['fake/coconut']);
    expect((await client.models.retrieve('fake/coconut')).owned_by).toBe('coconut-serve');
  });

  it('gets a plain completion, its thoughts and its request id', async () => {
    const { client } = await serve([{ text: '### Tom is a cat.' }]);
    const completion = await client.chat.completions.create({
      ...request,
      reasoning_effort: 'low',
    });
    expect(completion.choices[0]?.message.content).toBe('Tom is a cat.');
    expect(completion.usage?.completion_tokens_details?.reasoning_tokens).toBe(2);
    expect(completion._request_id).toMatch(/^req_/);
  });

  it('gets a streamed one, with usage', async () => {
    const { client } = await serve([{ text: '### Tom is a cat.' }]);
    const options = { include_usage: true };
    const stream = await client.chat.completions.create({
      ...request,
      stream: true,
      stream_options: options,
    });
    let text = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage;
    }
    expect(text).toBe('Tom is a cat.');
    expect(usage?.completion_tokens).toBe(6 + '### Tom is a cat.'.length);
  });

  it('assembles a stream with its helper', async () => {
    const { client } = await serve([{ text: 'Yes.' }]);
    const completion = await client.chat.completions.stream(request).finalChatCompletion();
    expect(completion.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { role: 'assistant', content: 'Yes.' },
    });
  });

  it('gets completions, plain and streamed', async () => {
    const { client } = await serve([{ text: 'abc' }]);
    const body = { model: 'fake/coconut', prompt: 'Hi' };
    expect((await client.completions.create(body)).choices[0]?.text).toBe('abc');
    let text = '';
    const stream = await client.completions.create({ ...body, stream: true });
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? '';
    expect(text).toBe('abc');
  });

  it('gets responses, plain and streamed', async () => {
    const { client } = await serve([{ text: '### Yes.' }]);
    const body = { model: 'fake/coconut', input: 'Is Tom a cat?' };
    const response = await client.responses.create(body);
    expect(response.output_text).toBe('Yes.');
    expect(response.usage?.output_tokens_details.reasoning_tokens).toBe(6);
    const streamed = await client.responses.stream(body).finalResponse();
    expect(streamed.output_text).toBe('Yes.');
  });

  it('raises what the server refuses', async () => {
    const { client } = await serve([]);
    const wrong = client.chat.completions.create({ ...request, model: 'gpt-4' });
    await expect(wrong).rejects.toBeInstanceOf(NotFoundError);
    await expect(client.chat.completions.create({ ...request, n: 5 })).rejects.toMatchObject({
      status: 400,
      code: null,
      param: 'n',
      type: 'invalid_request_error',
    });
  });

  it('is let in by its key', async () => {
    const { client, url } = await serve([{ text: 'Yes.' }], { apiKeys: ['any'] });
    expect((await client.chat.completions.create(request)).object).toBe('chat.completion');
    const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'other', maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toMatchObject({ status: 401 });
  });
});

type Options = OpenAI.RequestOptions;
type Call = {
  plain: (client: OpenAI, options?: Options) => Promise<unknown>;
  stream: (client: OpenAI) => Promise<AsyncIterable<unknown>>;
  /** Its streams have events for failures, which the client passes on. */
  isTold?: true;
};

const prompt = { model: 'fake/coconut', prompt: 'Hi' };
const input = { model: 'fake/coconut', input: 'Hi' };
const calls: Record<string, Call> = {
  'chat.completions': {
    plain: (client, options) => client.chat.completions.create(request, options),
    stream: (client) => client.chat.completions.create({ ...request, stream: true }),
  },
  completions: {
    plain: (client, options) => client.completions.create(prompt, options),
    stream: (client) => client.completions.create({ ...prompt, stream: true }),
  },
  responses: {
    plain: (client, options) => client.responses.create(input, options),
    stream: (client) => client.responses.create({ ...input, stream: true }),
    isTold: true,
  },
};

describe.each(Object.entries(calls))('the openai client on %s', (_, call) => {
  it('frees the slot when it leaves a stream', async () => {
    const { client, engine } = await serve([{ text: 'Yes' }, { hang: true }]);
    for await (const event of await call.stream(client)) {
      if (JSON.stringify(event).includes('Y')) break;
    }
    await vi.waitFor(() => expect(engine.endings).toEqual(['aborted']));
  });

  it('frees the slot when it gives up on a plain answer', async () => {
    const { client, engine } = await serve([{ text: 'Yes' }, { hang: true }]);
    const abort = new AbortController();
    const answer = call.plain(client, { signal: abort.signal });
    await vi.waitFor(() => expect(engine.requests).toHaveLength(1));
    abort.abort();
    await expect(answer).rejects.toThrow('aborted');
    await vi.waitFor(() => expect(engine.endings).toEqual(['aborted']));
  });

  it('raises a failure in the middle of a stream, or is told of it by the last event', async () => {
    const { client } = await serve([{ text: 'Yes' }, { fail: new Error('broken') }]);
    const stream = await call.stream(client);
    const read = async () => {
      let last: unknown;
      for await (const event of stream) last = event;
      return last;
    };
    if (call.isTold) expect(await read()).toMatchObject({ type: 'response.failed' });
    else await expect(read()).rejects.toBeInstanceOf(APIError);
  });

  it('tries again when the queue is full', async () => {
    const { client, engine } = await serve([{ text: 'Yes.' }]);
    engine.refusal = queueFull;
    setTimeout(() => {
      engine.refusal = null;
    }, 200);
    expect(JSON.stringify(await call.plain(client, { maxRetries: 2 }))).toContain('Yes.');
  });

  it('raises a queue that stays full, and what the server refuses', async () => {
    const { client, engine } = await serve([{ text: 'Yes.' }]);
    engine.refusal = queueFull;
    await expect(call.plain(client)).rejects.toMatchObject({ status: 503 });
    engine.refusal = null;
    const wrong = call.plain(client, { headers: { 'content-encoding': 'gzip' } });
    await expect(wrong).rejects.toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });
});

describe('idling', () => {
  it('comes with the end of the last answer, while others are still let in', async () => {
    let goOn = () => {};
    const until = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const { engine, url } = await serve([{ text: 'x' }, { until }]);
    await server?.idle();
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify(ask());
    const answer = fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
    await vi.waitFor(() => expect(engine.requests).toHaveLength(1));
    const idle = server?.idle();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(engine.endings).toEqual([]);
    goOn();
    await idle;
    expect(engine.endings).toEqual(['stop']);
    expect((await answer).status).toBe(200);
  });
});

describe('closing', () => {
  it('waits for the running answer, then takes no connection', async () => {
    const { engine, url } = await serve([{ text: 'x'.repeat(30) }]);
    const body = JSON.stringify(ask());
    const headers = { 'content-type': 'application/json' };
    const answer = fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
    await vi.waitFor(() => expect(engine.requests).toHaveLength(1));
    await server?.close();
    expect((await answer).status).toBe(200);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });
});
