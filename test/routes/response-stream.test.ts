// The events of streamed responses: items in order, one place each, and what is left of an answer that is cut or fails.
import { describe, expect, it } from 'vitest';
import { chatCompletionSchema, responseSchema } from '../../src/routes/response-schemas.ts';
import {
  ask,
  FakeEngine,
  fakeApp,
  fakeModel,
  post,
  type ScriptStep,
} from '../support/fake-engine.ts';
import { type ResponseEvent, responseEventsOf } from '../support/response-events.ts';

type Item = { type: string; id: string; status?: string; content?: { text: string }[] };

async function streamOf(script: ScriptStep[], extra: object = {}): Promise<ResponseEvent[]> {
  const { app } = fakeApp([fakeModel(new FakeEngine(...script))]);
  const body = { model: 'fake/coconut', input: 'Hi', stream: true, ...extra };
  return responseEventsOf(await post(app, '/v1/responses', body));
}

const types = (events: readonly ResponseEvent[]) => events.map(({ type }) => type);
const itemOf = (event: ResponseEvent) => event['item'] as Item;
const lastResponse = (events: readonly ResponseEvent[]) =>
  responseSchema.parse(events.at(-1)?.['response']);
const messageEvents = [
  'response.output_item.added',
  'response.content_part.added',
  'response.output_text.delta',
  'response.output_text.done',
  'response.content_part.done',
  'response.output_item.done',
];

describe('a streamed response', () => {
  it('without thoughts has the message as its first item', async () => {
    const events = await streamOf([{ text: 'a' }], { reasoning: { effort: 'none' } });
    expect(types(events)).toEqual([
      'response.created',
      'response.in_progress',
      ...messageEvents,
      'response.completed',
    ]);
    const places = events.flatMap((event) => event['output_index'] ?? []);
    expect(new Set(places)).toEqual(new Set([0]));
  });

  it('keeps the ids of response and items, by which their events are told', async () => {
    const events = await streamOf([{ text: '### abc' }]);
    const responses = events.flatMap(({ response }) =>
      response ? [response as { id: string }] : [],
    );
    expect(new Set(responses.map(({ id }) => id)).size).toBe(1);
    expect(responses[0]?.id).toMatch(/^resp_[0-9a-f]{32}$/);
    const items = events.flatMap((event) => (event['item'] ? [itemOf(event)] : []));
    expect(items.map(({ type, id }) => [type, id.replace(/[0-9a-f]{32}$/, '')])).toEqual([
      ['reasoning', 'rs_'],
      ['reasoning', 'rs_'],
      ['message', 'msg_'],
      ['message', 'msg_'],
    ]);
    const ofText = events.flatMap((event) => event['item_id'] ?? []);
    expect(new Set(ofText)).toEqual(new Set([items[2]!.id]));
    expect(lastResponse(events).output.map(({ id }) => id)).toEqual([items[0]!.id, items[2]!.id]);
  });

  it('adds up: deltas, the text that is done, its part, its item and the response', async () => {
    const events = await streamOf([{ text: '### Tom is a cat.' }]);
    const of = (type: string) => events.filter((event) => event.type === type);
    const deltas = of('response.output_text.delta')
      .map((event) => event['delta'])
      .join('');
    expect(deltas).toBe('Tom is a cat.');
    expect(of('response.output_text.done')[0]).toMatchObject({ text: deltas });
    expect(of('response.content_part.done')[0]).toMatchObject({ part: { text: deltas } });
    expect(itemOf(of('response.output_item.done')[1]!)).toMatchObject({
      status: 'completed',
      content: [{ text: deltas }],
    });
    const { output } = lastResponse(events);
    expect(output[1]).toEqual(itemOf(of('response.output_item.done')[1]!));
  });

  it('that reaches its limit is incomplete, and so is its message', async () => {
    const events = await streamOf([{ text: 'abcdef' }], { max_output_tokens: 9 });
    expect(events.at(-1)?.type).toBe('response.incomplete');
    expect(lastResponse(events)).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      completed_at: null,
      output: [{ type: 'reasoning' }, { status: 'incomplete', content: [{ text: 'abc' }] }],
    });
  });

  it('that fails in its text closes the message, and keeps what was said', async () => {
    const events = await streamOf([{ text: 'ab' }, { fail: new Error('broken') }]);
    expect(types(events).slice(-5)).toEqual([
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'error',
      'response.failed',
    ]);
    expect(events.at(-2)).toMatchObject({ code: 'server_error', param: null });
    expect(lastResponse(events)).toMatchObject({
      status: 'failed',
      error: { code: 'server_error' },
      output: [{ type: 'reasoning' }, { status: 'incomplete', content: [{ text: 'ab' }] }],
    });
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, i) => i));
  });

  it('that fails before its text closes the reasoning', async () => {
    const events = await streamOf([{ fail: new Error('broken') }]);
    expect(types(events).slice(2)).toEqual([
      'response.output_item.added',
      'response.output_item.done',
      'error',
      'response.failed',
    ]);
    expect(lastResponse(events).output.map(({ type }) => type)).toEqual(['reasoning']);
  });
});

const include = ['message.output_text.logprobs', 'reasoning.encrypted_content'];

describe('usage', () => {
  it.each([true, false])('tells what was found computed, stream %s', async (stream) => {
    const engine = new FakeEngine({ text: 'Yes.' });
    engine.cachedTokens = 3;
    const { app } = fakeApp([fakeModel(engine)]);
    const body = { model: 'fake/coconut', input: 'Hi', stream, metadata: { ticket: '7' } };
    const answer = await post(app, '/v1/responses', body);
    const response = stream
      ? lastResponse(await responseEventsOf(answer))
      : responseSchema.parse(await answer.json());
    expect(response.usage?.input_tokens_details).toEqual({
      cached_tokens: 3,
      cache_write_tokens: 0,
    });
    expect(response.metadata).toEqual({ ticket: '7' });
    const chat = await post(app, '/v1/chat/completions', ask());
    const { usage } = chatCompletionSchema.parse(await chat.json());
    expect(usage.prompt_tokens_details.cached_tokens).toBe(3);
  });
});

describe('log probabilities', () => {
  it('come with the deltas, and whole with the text', async () => {
    const events = await streamOf([{ text: '### Yes' }], { include, top_logprobs: 2 });
    const of = (type: string) => events.filter((event) => event.type === type);
    const told = of('response.output_text.delta').flatMap((event) => event['logprobs'] as object[]);
    // One per billed token, those of the answer's marker too.
    expect(told).toHaveLength('### Yes'.length);
    expect(told[0]).toMatchObject({ token: '#', logprob: -0.25, bytes: [35] });
    expect((told[0] as { top_logprobs: object[] }).top_logprobs).toHaveLength(2);
    expect(of('response.output_text.done')[0]?.['logprobs']).toEqual(told);
    const { output, top_logprobs } = lastResponse(events);
    expect(output[1]).toMatchObject({ content: [{ logprobs: told }] });
    expect(top_logprobs).toBe(2);
  });

  it('are none where they are not asked for', async () => {
    const events = await streamOf([{ text: 'Yes' }], { include: ['reasoning.encrypted_content'] });
    expect(events.flatMap((event) => event['logprobs'] ?? [])).toEqual([]);
  });
});
