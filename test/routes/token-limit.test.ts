// A limit on completion tokens that the thoughts use up: as OpenAI's reasoning models answer, with what was thought, no
// text, and the reason "length"; at every endpoint, plain and streamed.
import { describe, expect, it } from 'vitest';
import {
  chatChunkSchema,
  chatCompletionSchema,
  responseSchema,
  textCompletionSchema,
} from '../../src/routes/response-schemas.ts';
import {
  ask,
  chunksOf,
  FakeEngine,
  fakeApp,
  fakeModel,
  post,
  postChat,
  wordsFirstModel,
} from '../support/fake-engine.ts';
import { responseEventsOf } from '../support/response-events.ts';

const serve = () => fakeApp([fakeModel(new FakeEngine({ text: '### Yes.' }))]).app;

describe.each([
  [6, 6],
  [4, 4],
  [1, 1],
])('a limit of %i', (limit, thoughts) => {
  const usage = {
    completion_tokens: thoughts,
    completion_tokens_details: { reasoning_tokens: thoughts },
  };

  it('leaves a chat completion without text', async () => {
    const response = await postChat(serve(), ask({ max_completion_tokens: limit }));
    const completion = chatCompletionSchema.parse(await response.json());
    expect(completion).toMatchObject({
      choices: [{ message: { content: '' }, finish_reason: 'length' }],
      usage,
    });
    expect(completion.timings.time_to_first_token_ms).toBeNull();
  });

  it('leaves each of several choices without, and bills the thoughts once', async () => {
    const response = await postChat(serve(), ask({ max_tokens: limit, n: 3, logprobs: true }));
    const choice = { message: { content: '' }, finish_reason: 'length' };
    const empty = { ...choice, logprobs: { content: [], refusal: null } };
    expect(chatCompletionSchema.parse(await response.json())).toMatchObject({
      choices: [empty, empty, empty],
      usage,
    });
  });

  it('leaves a stream with its role, its end and its usage', async () => {
    const options = { stream: true, stream_options: { include_usage: true } };
    const chunks = await chunksOf(postChat(serve(), ask({ ...options, max_tokens: limit })));
    const parsed = chunks.map((chunk) => chatChunkSchema.parse(chunk));
    expect(parsed.flatMap(({ choices }) => choices)).toMatchObject([
      { delta: { role: 'assistant', content: '' }, finish_reason: null },
      { delta: {}, finish_reason: 'length' },
    ]);
    expect(parsed.at(-1)?.usage).toMatchObject(usage);
  });

  it('leaves JSON that did not begin', async () => {
    const body = ask({ max_tokens: limit, response_format: { type: 'json_object' } });
    const response = await postChat(serve(), body);
    expect(chatCompletionSchema.parse(await response.json())).toMatchObject({
      choices: [{ message: { content: '' }, finish_reason: 'length' }],
      usage,
    });
  });

  it('still tells the traces of what was thought', async () => {
    const response = await postChat(serve(), ask({ max_tokens: limit, latent_trace: true }));
    const { choices } = chatCompletionSchema.parse(await response.json());
    expect(choices[0]?.message.latent_trace).toHaveLength(thoughts);
  });

  it('leaves a completion without text', async () => {
    const body = { model: 'fake/coconut', prompt: 'Hi', latent_thoughts: 6, max_tokens: limit };
    const response = await post(serve(), '/v1/completions', body);
    expect(textCompletionSchema.parse(await response.json())).toMatchObject({
      choices: [{ text: '', finish_reason: 'length' }],
      usage,
    });
  });

  it('leaves a response incomplete, with its reasoning item and no message', async () => {
    const body = { model: 'fake/coconut', input: 'Hi', max_output_tokens: limit };
    const expected = {
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      completed_at: null,
      usage: { output_tokens: thoughts, output_tokens_details: { reasoning_tokens: thoughts } },
    };
    const plain = responseSchema.parse(await (await post(serve(), '/v1/responses', body)).json());
    expect(plain).toMatchObject(expected);
    expect(plain.output.map(({ type }) => type)).toEqual(['reasoning']);

    const streamed = await post(serve(), '/v1/responses', { ...body, stream: true });
    const events = await responseEventsOf(streamed);
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.output_item.done',
      'response.incomplete',
    ]);
    const last = responseSchema.parse(events.at(-1)?.['response']);
    expect(last).toMatchObject(expected);
    expect(last.output.map(({ type }) => type)).toEqual(['reasoning']);
  });
});

it('thoughts in the middle of an answer are set aside first, so an answer that never begins has none', async () => {
  const engine = new FakeEngine({ text: 'One.\n' }, { think: true }, { text: 'Yes.' });
  const { app } = fakeApp([wordsFirstModel(engine)]);
  const response = await postChat(app, ask({ max_tokens: 3 }));
  const { choices } = chatCompletionSchema.parse(await response.json());
  expect(choices[0]).toMatchObject({ message: { content: '' }, finish_reason: 'length' });
  expect(engine.requests[0]).toMatchObject({ maxTokens: 0, thoughts: { count: 3 } });
});

it('min_tokens asks for more text than such a limit leaves', async () => {
  const response = await postChat(serve(), ask({ max_tokens: 6, min_tokens: 1 }));
  expect(response.status).toBe(400);
  expect(await response.text()).toContain('1 is more than the 0 text tokens');
});
