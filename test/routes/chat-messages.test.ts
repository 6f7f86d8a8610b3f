// Messages as clients of OpenAI's API send them, under a template that prints every one: what reaches the prompt, what
// is dropped, what is refused by name.
import { describe, expect, it } from 'vitest';
import { lastQuestionTemplate, parseChatTemplate } from '../../src/model/chat-template.ts';
import { modelListSchema } from '../../src/routes/response-schemas.ts';
import type { ServedModel } from '../../src/routes/served-model.ts';
import { errorOf, FakeEngine, fakeApp, fakeModel, post, special } from '../support/fake-engine.ts';

const printsAll = '{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}';

function serve(template = printsAll, overrides: Partial<ServedModel> = {}) {
  const engine = new FakeEngine({ text: 'Yes.' });
  const chatTemplate = parseChatTemplate(template);
  const { app } = fakeApp([fakeModel(engine, { chatTemplate, slotCapacity: 256, ...overrides })]);
  /** Text of the prompt that the engine got. */
  const promptOf = async (path: string, body: object) => {
    const response = await post(app, path, { model: 'fake/coconut', ...body });
    expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
    const ids = engine.requests.at(-1)?.promptIds ?? [];
    return Buffer.from(ids.filter((id) => id < special.eos)).toString();
  };
  return { app, promptOf };
}

const chatPath = '/v1/chat/completions';
const question = { role: 'user', content: 'Is it?' };
const asked = 'user=Is it?;';

describe('messages', () => {
  it.each<[string, object, string]>([
    ['a developer, as system', { role: 'developer', content: 'Be brief.' }, 'system=Be brief.;'],
    ['a system', { role: 'system', content: 'Be brief.' }, 'system=Be brief.;'],
    ['an assistant without content', { role: 'assistant', content: null }, 'assistant=;'],
    ['an assistant that has no content at all', { role: 'assistant' }, 'assistant=;'],
    ['a refusal, as text', { role: 'assistant', content: null, refusal: 'No.' }, 'assistant=No.;'],
    [
      'content before a refusal',
      { role: 'assistant', content: 'Yes.', refusal: 'No.' },
      'assistant=Yes.;',
    ],
    [
      'parts, refusals among them',
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'I ' },
          { type: 'refusal', refusal: 'will not.' },
        ],
      },
      'assistant=I will not.;',
    ],
    [
      'an assistant’s thoughts, which are dropped',
      { role: 'assistant', content: 'Yes.', reasoning: 'Hm', reasoning_content: 'Hm' },
      'assistant=Yes.;',
    ],
    ['a name, which is dropped', { role: 'user', name: 'Tom', content: 'Hi' }, 'user=Hi;'],
    [
      'empty calls',
      { role: 'assistant', content: 'Yes.', tool_calls: [], function_call: null, audio: null },
      'assistant=Yes.;',
    ],
  ])('of %s', async (_, message, printed) => {
    const { promptOf } = serve();
    const prompt = await promptOf(chatPath, { messages: [message, question] });
    expect(prompt).toBe(printed + asked);
  });

  it.each<[object, string]>([
    [{ role: 'function', name: 'f', content: 'x' }, 'role'],
    [{ role: 'tool', tool_call_id: 'c', content: 'x' }, 'role'],
    [{ role: 'assistant', tool_calls: [{ id: 'c' }] }, 'tool_calls'],
    [{ role: 'assistant', function_call: { name: 'f', arguments: '' } }, 'function_call'],
    [{ role: 'assistant', audio: { id: 'audio_1' } }, 'audio'],
  ])('%j is refused, naming the field', async (message, field) => {
    const body = { model: 'fake/coconut', messages: [question, message] };
    const response = await post(serve().app, chatPath, body);
    expect(response.status).toBe(400);
    const param = `messages[1].${field}`;
    expect(await errorOf(response)).toMatchObject({ code: 'unsupported_value', param });
  });

  it('of a user need a content, refusal or not', async () => {
    const body = { model: 'fake/coconut', messages: [{ role: 'user', refusal: 'No.' }] };
    const { param } = await errorOf(post(serve().app, chatPath, body));
    expect(param).toBe('messages[0].content');
  });
});

describe('instructions', () => {
  it('come before all items, as the system’s message', async () => {
    const { promptOf } = serve();
    const input = [{ role: 'developer', content: 'First.' }, question];
    const prompt = await promptOf('/v1/responses', { instructions: 'Be brief.', input });
    expect(prompt).toBe(`system=Be brief.;system=First.;${asked}`);
  });
});

describe('/v1/models', () => {
  it.each([
    ['a template that prints all', printsAll, true, true],
    ['the bundled checkpoints’', lastQuestionTemplate, false, false],
    [
      'one without a system',
      "{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %}",
      false,
      true,
    ],
    [
      'one that refuses earlier turns',
      "{% if messages|length > 2 %}{{ raise_exception('one turn') }}{% endif %}{% for m in messages %}{{ m.content }}{% endfor %}",
      true,
      false,
    ],
    [
      'one whose system text is its own',
      "{% if messages[0].role == 'system' %}Be brief.{% endif %}{{ (messages | last).content }}",
      false,
      false,
    ],
  ])('says what is read by %s', async (_, template, system, earlier_turns) => {
    const response = await serve(template).app.request('/v1/models');
    const { data } = modelListSchema.parse(await response.json());
    expect(data[0]?.coconut.reads).toEqual({ system, earlier_turns });
  });
});
