// POST /v1/responses over a scripted engine: the object, the exact order of events, what is refused.
import { describe, expect, it } from 'vitest';
import { inputTokensSchema, responseSchema } from '../../src/routes/response-schemas.ts';
import { errorOf, FakeEngine, fakeApp, fakeModel } from '../support/fake-engine.ts';
import { responseEventsOf } from '../support/response-events.ts';

function post(engine: FakeEngine, body: object, path = '/v1/responses') {
  return fakeApp([fakeModel(engine)]).app.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'fake/coconut', input: 'Hi', ...body }),
  });
}

describe('a response', () => {
  it('holds the reasoning item, the message and its usage', async () => {
    const engine = new FakeEngine({ text: '### Yes.' });
    const response = responseSchema.parse(await (await post(engine, {})).json());
    expect(response).toMatchObject({
      status: 'completed',
      output: [
        { type: 'reasoning', summary: [] },
        { type: 'message', content: [{ text: 'Yes.' }] },
      ],
      usage: {
        input_tokens: 5,
        output_tokens: 6 + '### Yes.'.length,
        output_tokens_details: { reasoning_tokens: 6 },
      },
    });
  });

  it('has no reasoning item without thoughts, and says where it was cut', async () => {
    const engine = new FakeEngine({ text: 'abcdef' });
    const body = { reasoning: { effort: 'none' }, max_output_tokens: 3 };
    const response = responseSchema.parse(await (await post(engine, body)).json());
    expect(response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ type: 'message', status: 'incomplete', content: [{ text: 'abc' }] }],
    });
  });

  it('reads instructions and items, and leaves earlier reasoning out', async () => {
    const engine = new FakeEngine({ text: 'Yes.' });
    const input = [
      { type: 'reasoning', id: 'rs_1', summary: [] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'A' }] },
      { role: 'user', content: [{ type: 'input_text', text: '<bot>' }] },
    ];
    const { status } = await post(engine, { instructions: 'Be brief.', input, store: true });
    expect(status).toBe(200);
    expect(engine.requests[0]?.promptIds.slice(0, 5)).toEqual([...Buffer.from('<bot>')]);
  });

  it('keeps to a text format, and repeats it', async () => {
    const engine = new FakeEngine({ text: '{}' });
    const format = { type: 'json_schema', name: 'empty', schema: { type: 'object' } };
    const response = responseSchema.parse(await (await post(engine, { text: { format } })).json());
    expect(engine.requests[0]?.grammar).toContain('root ::= object');
    expect(response.text.format).toEqual(format);
  });

  it('ignores tools that the server would call', async () => {
    const tools = ['web_search', 'file_search', 'mcp', 'code_interpreter', 'made_up'];
    const body = { tools: tools.map((type) => ({ type })), tool_choice: 'auto', max_tool_calls: 3 };
    const response = responseSchema.parse(
      await (await post(new FakeEngine({ text: 'Yes.' }), body)).json(),
    );
    expect(response).toMatchObject({ status: 'completed', tools: [], max_tool_calls: 3 });
  });

  it('repeats what it was asked, and says null of the rest', async () => {
    const asked = {
      ...{ presence_penalty: 0.5, frequency_penalty: -0.5, temperature: 0.25, top_p: 0.75 },
      ...{ user: 'u', safety_identifier: 's'.repeat(64), prompt_cache_key: 'k' },
      metadata: { ticket: '7' },
    };
    const of = async (body: object) =>
      responseSchema.parse(await (await post(new FakeEngine({ text: 'Yes.' }), body)).json());
    const told = await of(asked);
    expect(told).toMatchObject(asked);
    expect(told.completed_at).toBeGreaterThanOrEqual(told.created_at);
    expect(await of({})).toMatchObject({
      ...{ presence_penalty: 0, frequency_penalty: 0, top_logprobs: 0, max_tool_calls: null },
      ...{ user: null, safety_identifier: null, prompt_cache_key: null, metadata: {} },
      usage: { input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 } },
    });
  });

  it('has log probabilities where they are included', async () => {
    const body = { include: ['message.output_text.logprobs'] };
    const response = responseSchema.parse(
      await (await post(new FakeEngine({ text: 'Yes.' }), body)).json(),
    );
    expect(response.output[1]).toMatchObject({
      content: [{ logprobs: [{ token: 'Y' }, {}, {}, {}] }],
    });
  });

  it('is priced as it is charged', async () => {
    const engine = new FakeEngine();
    const body = await (await post(engine, {}, '/openai/v1/responses/input_tokens')).json();
    expect(inputTokensSchema.parse(body).input_tokens).toBe(5);
    expect(engine.requests).toEqual([]);
  });
});

describe('a streamed response', () => {
  it('sends its events in order, numbered', async () => {
    const events = await responseEventsOf(
      await post(new FakeEngine({ text: '### ab' }), { stream: true }),
    );
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.output_item.done',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, i) => i));
    const { response } = events.at(-1) as unknown as { response: unknown };
    expect(responseSchema.parse(response).output).toHaveLength(2);
    expect(events[6]).toMatchObject({
      output_index: 1,
      content_index: 0,
      logprobs: [],
      delta: 'a',
    });
  });

  it('that fails says so and then fails', async () => {
    const engine = new FakeEngine({ text: 'a' }, { fail: new Error('broken') });
    const events = await responseEventsOf(await post(engine, { stream: true }));
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['error', 'response.failed']);
    expect(JSON.stringify(events)).not.toContain('broken');
  });
});

describe('refused', () => {
  it.each([
    [{ previous_response_id: 'resp_1' }, 'previous_response_id'],
    [{ conversation: 'conv_1' }, 'conversation'],
    [{ background: true }, 'background'],
    [{ tools: [{ type: 'web_search' }, { type: 'function', name: 'f' }] }, 'tools[1].type'],
    [{ tools: [{ type: 'custom', name: 'f' }] }, 'tools[0].type'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ tool_choice: { type: 'web_search' } }, 'tool_choice'],
    [{ text: { format: { type: 'regex' } } }, 'text.format.type'],
    [
      { text: { format: { type: 'json_schema', name: 'a', schema: { type: 'x' } } } },
      'text.format',
    ],
    [{ input: '' }, 'input'],
    [{ input: 'x'.repeat(64) }, 'input'],
    [{ input: [{ role: 'user', content: [{ type: 'input_text' }] }] }, 'input[0].content[0]'],
    [
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'x' }] }] },
      'input[0].content[0].type',
    ],
    [{ input: ['Hi', { role: 'user', content: 'Hi' }] }, 'input[0]'],
    [{ input: [{ type: 'function_call_output', call_id: 'c', output: 'x' }] }, 'input[0].type'],
    [{ text: { verbosity: 'high' } }, 'text.verbosity'],
    [{ top_logprobs: 2 }, 'top_logprobs'],
    [{ safety_identifier: 'x'.repeat(65) }, 'safety_identifier'],
    [{ text: { format: { type: 'json_object' } }, min_tokens: 2 }, 'min_tokens'],
  ])('%j', async (body, param) => {
    const response = await post(new FakeEngine(), body);
    expect(response.status).toBe(400);
    expect((await errorOf(response)).param).toBe(param);
  });
});
