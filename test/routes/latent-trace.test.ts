import { describe, expect, it } from 'vitest';
import { parseChatRequest } from '../../src/routes/chat-fields.ts';
import { toGenerationRequest } from '../../src/routes/chat-request.ts';
import { checkControl } from '../../src/routes/latent-fields.ts';
import { toLatentTrace } from '../../src/routes/latent-trace.ts';
import { chatChunkSchema, chatCompletionSchema } from '../../src/routes/response-schemas.ts';
import {
  ask,
  chunksOf,
  errorOf,
  FakeEngine,
  fakeApp,
  fakeModel,
  postChat,
} from '../support/fake-engine.ts';

const model = fakeModel(new FakeEngine({ text: '### Tom is a cat.' }));
const { app } = fakeApp([model]);
const generation = (extra: object) => toGenerationRequest(parseChatRequest(ask(extra)), model);

describe('latent_trace', () => {
  it.each([
    [true, 5],
    [{ top_k: 20 }, 20],
    [false, undefined],
    [null, undefined],
  ])('%j asks for %s words', (latent_trace, words) => {
    expect(generation({ latent_trace }).traceWords).toBe(words);
  });

  it.each([{ top_k: 0 }, { top_k: 21 }, 3])('%j is refused', (latent_trace) => {
    expect(() => generation({ latent_trace })).toThrow(/latent_trace/);
  });

  it('spells words as text, and markers by name', () => {
    const [id] = model.tokenizer.encode(' cat');
    const { eot_token_id } = model.config.coconut;
    const words = [id!, eot_token_id!].map((tokenId) => ({ tokenId, probability: 0.5 }));
    const { latent_trace, reasoning } = toLatentTrace(
      [{ words, norm: 1, cosine: null }],
      model.tokenizer,
    );
    const [first, marker] = latent_trace[0]!.words;
    expect(first!.token).toBe(' ');
    expect(marker!.token).toBe(model.tokenizer.tokenOf(eot_token_id!));
    expect(reasoning).toContain(`Thought 1: "${first!.token}" 0.500`);
  });

  it('is in the message, as an object and in words', async () => {
    const response = await postChat(app, ask({ latent_thoughts: 2, latent_trace: true }));
    const { message } = chatCompletionSchema.parse(await response.json()).choices[0]!;
    expect(message.content).toBe('Tom is a cat.');
    expect(message.latent_trace).toMatchObject([
      { norm: 2, cosine: null, words: [{ probability: 0.5 }] },
      { norm: 2, cosine: 0.25 },
    ]);
    expect(message.reasoning).toMatch(/^Thought 1: ".+" 0\.500\nThought 2: ".+" 0\.500$/);
    expect(message.reasoning_content).toBe(message.reasoning);
  });

  it('is in the message of each choice', async () => {
    const response = await postChat(app, ask({ latent_thoughts: 2, latent_trace: true, n: 2 }));
    const { choices } = chatCompletionSchema.parse(await response.json());
    for (const { message } of choices) expect(message.latent_trace).toHaveLength(2);
    expect(choices).toHaveLength(2);
  });

  it('comes in one delta before the text of a stream', async () => {
    const chunks = await chunksOf(postChat(app, ask({ stream: true, latent_trace: true })));
    const deltas = chunks.map((chunk) => chatChunkSchema.parse(chunk).choices[0]?.delta);
    expect(deltas.flatMap((delta, at) => (delta?.latent_trace ? [at] : []))).toEqual([1]);
    expect(deltas[1]?.latent_trace).toHaveLength(6);
  });
});

describe('latent_control', () => {
  it('reaches the engine', () => {
    expect(generation({ latent_control: 'zero' }).thoughts).toMatchObject({ control: 'zero' });
  });

  it('is refused where the server does not allow it', async () => {
    const response = await postChat(app, ask({ latent_control: 'shuffle' }));
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({ param: 'latent_control' });
    const request = parseChatRequest(ask({ latent_control: 'shuffle' }));
    expect(() => checkControl(request, true)).not.toThrow();
  });
});
