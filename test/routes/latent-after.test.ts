// Thoughts in the middle of an answer, as the API has them: where a request or a checkpoint puts them, what is text and
// what is counted, and what cannot go with them.
import { describe, expect, it } from 'vitest';
import { parseChatRequest } from '../../src/routes/chat-fields.ts';
import { toGenerationRequest } from '../../src/routes/chat-request.ts';
import { readPrompts, toCompletionRequests } from '../../src/routes/completion-fields.ts';
import type { ServedModel } from '../../src/routes/served-model.ts';
import {
  ask,
  chunksOf,
  completionOf,
  cotModel,
  errorOf,
  FakeEngine,
  fakeApp,
  fakeModel,
  postChat,
  special,
  wordsFirstModel,
} from '../support/fake-engine.ts';
import { refusalOf } from '../support/refusal.ts';

const engine = new FakeEngine({ text: 'One.\n' }, { think: true }, { text: '### Tom is a cat.' });
const [plain, wordsFirst] = [fakeModel(engine), wordsFirstModel(engine)];
const textLength = 'One.\n### Tom is a cat.'.length;
const promptIds = [...Buffer.from('Is Tom a cat?\n')];
const markers = { botId: special.bot, eotId: special.eot };

const generation = (extra: object, model: ServedModel) =>
  toGenerationRequest(parseChatRequest(ask(extra)), model);

const failure = (extra: object, model: ServedModel) => refusalOf(() => generation(extra, model));

describe('latent_after', () => {
  const question = { promptIds: [...promptIds, special.bot], suffixIds: [special.eot] };
  const written = { ...markers, afterLines: null, lineEndIds: [] };
  // The byte tokenizer's one line end.
  const forced = { ...markers, afterLines: 2, lineEndIds: [10] };

  it.each([
    ['plain', undefined, question, undefined],
    ['plain', { kind: 'question' }, question, undefined],
    ['plain', { kind: 'model' }, { promptIds, suffixIds: [] }, written],
    ['plain', { kind: 'steps', count: 2 }, { promptIds, suffixIds: [] }, forced],
    ['words first', undefined, { promptIds, suffixIds: [] }, written],
    ['words first', { kind: 'question' }, question, undefined],
  ])('of a %s checkpoint, asked for %j', (name, latent_after, layout, entry) => {
    const found = generation({ latent_after }, name === 'plain' ? plain : wordsFirst);
    expect(found).toMatchObject(layout);
    expect(found.latentEntry).toEqual(entry);
    expect(found.thoughts).toEqual({ kind: 'model', count: 6 });
    // Markers take their positions wherever they stand: 14 bytes, <bot>, 6 thoughts, <eot>.
    expect(found.maxTokens).toBe(64 - 22);
  });

  it.each([
    [{ kind: 'steps' }, 'latent_after.count'],
    [{ kind: 'steps', count: 0 }, 'latent_after.count'],
    [{ kind: 'steps', count: 65 }, 'latent_after.count'],
    [{ kind: 'tokens', count: 2 }, 'latent_after.kind'],
  ])('%j is refused', (latent_after, param) => {
    expect(failure({ latent_after }, plain)).toMatchObject({ code: 'invalid_request', param });
  });

  it('is refused of a checkpoint without thoughts', () => {
    const error = failure({ latent_after: { kind: 'model' } }, cotModel(engine));
    expect(error).toMatchObject({ code: 'unsupported_value', param: 'latent_after.kind' });
    expect(error.message).toContain('"model" with cot, which has no thoughts');
  });

  it('is refused beside a format, unless it is the question', () => {
    const response_format = { type: 'json_object' };
    const refused = failure({ response_format }, wordsFirst);
    expect(refused).toMatchObject({ code: 'unsupported_value', param: 'response_format' });
    const first = { response_format, latent_after: { kind: 'question' } };
    expect(generation(first, wordsFirst).grammar).toBeDefined();
  });

  it('is the checkpoint’s in completions with thoughts, and nothing without', () => {
    const ofPrompt = (latent_thoughts: number) => {
      const request = { model: 'm', prompt: 'Hi', latent_thoughts };
      return toCompletionRequests(request, readPrompts(request, wordsFirst), wordsFirst)[0]!;
    };
    expect(ofPrompt(2)).toMatchObject({ suffixIds: [], latentEntry: written });
    expect(ofPrompt(0).latentEntry).toBeUndefined();
  });
});

describe('an answer with thoughts in its middle', () => {
  const { app } = fakeApp([wordsFirst]);

  it('is one text, whose thoughts are counted and whose markers are neither text nor prompt', async () => {
    const { choices, usage } = await completionOf(postChat(app, ask()));
    expect(choices[0]!.message.content).toBe('One.\n### Tom is a cat.');
    expect(usage).toMatchObject({
      prompt_tokens: promptIds.length,
      completion_tokens: 6 + textLength,
      completion_tokens_details: { reasoning_tokens: 6 },
    });
  });

  it('counts the thoughts of each choice: they are its own', async () => {
    const { usage } = await completionOf(postChat(app, ask({ n: 2 })));
    expect(usage!.completion_tokens_details!.reasoning_tokens).toBe(12);
    const shared = fakeApp([plain]).app;
    const { usage: once } = await completionOf(postChat(shared, ask({ n: 2 })));
    expect(once!.completion_tokens_details!.reasoning_tokens).toBe(6);
  });

  it('streams its trace where they come', async () => {
    const chunks = await chunksOf(postChat(app, ask({ stream: true, latent_trace: true })));
    const deltas = chunks.map(({ choices }) => choices[0]!.delta as Record<string, unknown>);
    const at = deltas.findIndex((delta) => delta['latent_trace']);
    const text = (part: typeof deltas) => part.map(({ content }) => content ?? '').join('');
    expect([text(deltas.slice(0, at)), text(deltas.slice(at))]).toEqual([
      'One.\n',
      '### Tom is a cat.',
    ]);
  });

  it('has a stop string across them', async () => {
    const { choices, usage } = await completionOf(postChat(app, ask({ stop: ['\n###'] })));
    expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'One.' } });
    expect(usage!.completion_tokens_details!.reasoning_tokens).toBe(6);
  });

  it.each([true, false])('is one message of a response, stream %s', async (stream) => {
    const response = await app.request('/v1/responses', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: wordsFirst.id, input: 'Is Tom a cat?', stream }),
    });
    const body = await response.text();
    expect(body).not.toContain('"type":"reasoning"');
    expect(body).toContain(JSON.stringify('One.\n### Tom is a cat.'));
    expect(body).toContain('"reasoning_tokens":6');
    if (stream) expect(body).not.toContain('"output_index":1');
  });

  it('is refused with a format in a response, which has no latent_after', async () => {
    const response = app.request('/v1/responses', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: wordsFirst.id,
        input: 'Hi',
        text: { format: { type: 'json_object' } },
      }),
    });
    expect(await errorOf(response)).toMatchObject({
      code: 'unsupported_value',
      param: 'text.format',
    });
  });
});
