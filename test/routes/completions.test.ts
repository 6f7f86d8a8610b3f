// POST /v1/completions over a scripted engine: prompts, echo, streams, and what is refused.
import { describe, expect, it, vi } from 'vitest';
import type { GenerationRequest } from '../../src/engine/messages.ts';
import { likeliestChoices } from '../../src/routes/completion-response.ts';
import { textCompletionSchema } from '../../src/routes/response-schemas.ts';
import {
  errorOf,
  FakeEngine,
  fakeApp,
  fakeModel,
  queueFull,
  special,
} from '../support/fake-engine.ts';

function post(engine: FakeEngine, body: object, path = '/v1/completions') {
  return fakeApp([fakeModel(engine)]).app.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'fake/coconut', ...body }),
  });
}

const completionOf = async (response: Response) =>
  textCompletionSchema.parse(await response.json());

describe('a completion', () => {
  it('continues the bare prompt, and keeps the answer marker', async () => {
    const engine = new FakeEngine({ text: '### Yes.' });
    const completion = await completionOf(await post(engine, { prompt: 'Hi' }));
    expect(completion.choices).toEqual([
      { text: '### Yes.', index: 0, logprobs: null, finish_reason: 'stop' },
    ]);
    expect(engine.requests[0]).toMatchObject({
      promptIds: [72, 105],
      suffixIds: [],
      thoughts: { count: 0 },
      maxTokens: 16,
    });
  });

  it('is laid out as in training where thoughts are asked for', async () => {
    const engine = new FakeEngine({ text: 'Yes.' });
    const completion = await completionOf(await post(engine, { prompt: 'Hi', latent_thoughts: 2 }));
    expect(engine.requests[0]).toMatchObject({
      promptIds: [72, 105, special.bot],
      suffixIds: [special.eot],
      thoughts: { count: 2 },
      maxTokens: 14,
    });
    expect(completion.usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 6 });
  });

  it.each([
    ['texts', ['Hi', 'Ho']],
    [
      'token ids',
      [
        [72, 105],
        [72, 111],
      ],
    ],
  ])('answers several prompts given as %s, in order', async (_, prompt) => {
    const engine = new FakeEngine({ text: '!' });
    const { choices, usage } = await completionOf(await post(engine, { prompt, echo: true }));
    expect(choices.map(({ index, text }) => [index, text])).toEqual([
      [0, 'Hi!'],
      [1, 'Ho!'],
    ]);
    expect(usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 });
  });

  it('streams whichever prompt moves, then the usage of all', async () => {
    const engine = new FakeEngine({ text: 'abc' });
    const body = { prompt: ['Hi', 'Ho'], stream: true, stream_options: { include_usage: true } };
    const lines = (await (await post(engine, body)).text()).trim().split('\n\n');
    expect(lines.at(-1)).toBe('data: [DONE]');
    const chunks = lines
      .slice(0, -1)
      .map((line) => textCompletionSchema.parse(JSON.parse(line.slice('data: '.length))));
    const textOf = (index: number) =>
      chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index));
    for (const index of [0, 1]) {
      expect(
        textOf(index)
          .map(({ text }) => text)
          .join(''),
      ).toBe('abc');
      expect(textOf(index).at(-1)?.finish_reason).toBe('stop');
    }
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 6 } });
  });

  it('that fails in the middle ends its stream with the error and aborts the others', async () => {
    const engine = new FakeEngine({ text: 'a' }, { fail: new Error('broken') });
    const text = await (await post(engine, { prompt: ['Hi', 'Ho'], stream: true })).text();
    expect(text).toContain('"code":"server_error"');
    expect(text).not.toContain('[DONE]');
    expect(text).not.toContain('broken');
  });

  it('of more answers than the server ever has places for is refused, not told to come again', async () => {
    const engine = new FakeEngine({ text: 'Yes.' });
    const { app } = fakeApp([fakeModel(engine)], { slots: 2, queueLimit: 3 });
    const ask = (extra: object) =>
      app.request('/v1/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'fake/coconut', max_tokens: 4, ...extra }),
      });
    for (const extra of [
      { prompt: Array(6).fill('Hi') },
      { prompt: ['Hi', 'Ho'], n: 3 },
      { prompt: ['Hi', 'Ho'], best_of: 3 },
    ]) {
      const response = await ask(extra);
      expect(response.status).toBe(400);
      const { param, message } = await errorOf(response);
      expect(param).toBe('prompt');
      expect(message).toMatch(/are 6 answers.* at most 5 at a time/);
    }
    expect(engine.requests).toEqual([]);
    expect((await ask({ prompt: Array(5).fill('Hi') })).status).toBe(200);
  });

  it('is refused as a whole when the queue is full', async () => {
    const engine = new FakeEngine();
    engine.refusal = queueFull;
    expect((await post(engine, { prompt: ['Hi', 'Ho'] })).status).toBe(503);
  });

  it('whose second prompt finds the queue full gives up the first, and counts as rejected', async () => {
    const engine = new FakeEngine({ hang: true });
    const submit = vi.spyOn(engine, 'submitChoices');
    submit.mockImplementationOnce((request, signals) =>
      signals.map((signal) => engine.submit(request, signal)),
    );
    submit.mockImplementationOnce(() => {
      throw queueFull;
    });
    const { app, deps } = fakeApp([fakeModel(engine)]);
    const response = await app.request('/v1/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'fake/coconut', prompt: ['Hi', 'Ho'] }),
    });
    expect(response.status).toBe(503);
    const [[, [first]]] = submit.mock.calls as [Parameters<typeof engine.submitChoices>];
    expect(first?.aborted).toBe(true);
    const valuesOf = async (name: 'coconut_requests_total' | 'coconut_requests_rejected_total') =>
      (await deps.metrics[name].get()).values.map(({ labels, value }) => ({ ...labels, value }));
    expect(await valuesOf('coconut_requests_rejected_total')).toEqual([
      { reason: 'server_is_overloaded', value: 1 },
    ]);
    expect(await valuesOf('coconut_requests_total')).toMatchObject([{ status: '503', value: 1 }]);
  });
});

/** Each choice says its letter, with the log probability that it is given. */
class LetterEngine extends FakeEngine {
  readonly #logprobs: readonly number[];

  constructor(...logprobs: number[]) {
    super();
    this.#logprobs = logprobs;
  }

  override submitChoices(request: GenerationRequest, signals: readonly AbortSignal[]) {
    this.requests.push(request);
    const usage = { promptTokens: 2, cachedTokens: 0, thoughts: 0, answerTokens: 1 };
    const timings = { queueMs: 0, prefillMs: 0, latentMs: 0, decodeMs: 0 };
    return signals.map(async function* (this: LetterEngine, _: AbortSignal, choice: number) {
      const logprobs = { logprob: this.#logprobs[choice] ?? 0, top: [] };
      yield { kind: 'token' as const, tokenId: 97 + choice, logprobs };
      yield { kind: 'finished' as const, reason: 'stop' as const, usage, timings, thoughts: null };
    }, this);
  }
}

describe('several choices', () => {
  it('come in order, prompt by prompt, each prompt billed once', async () => {
    const body = { prompt: ['Hi', 'Ho'], n: 2, echo: true };
    const { choices, usage } = await completionOf(await post(new LetterEngine(), body));
    expect(choices.map(({ index, text }) => [index, text])).toEqual([
      [0, 'Hia'],
      [1, 'Hib'],
      [2, 'Hoa'],
      [3, 'Hob'],
    ]);
    expect(usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 4 });
  });

  it('are streamed under their indexes, each with its end', async () => {
    const body = { prompt: ['Hi', 'Ho'], n: 2, stream: true };
    const lines = (await (await post(new LetterEngine(), body)).text()).trim().split('\n\n');
    const choices = lines.slice(0, -1).flatMap((line) => {
      return textCompletionSchema.parse(JSON.parse(line.slice('data: '.length))).choices;
    });
    const textOf = (index: number) =>
      choices.filter((choice) => choice.index === index).map(({ text }) => text);
    expect([0, 1, 2, 3].map((index) => textOf(index).join(''))).toEqual(['a', 'b', 'a', 'b']);
    const ended = choices.flatMap(({ index, finish_reason }) => (finish_reason ? index : []));
    expect(ended.sort()).toEqual([0, 1, 2, 3]);
  });

  it('are the best of more, the likeliest first, and all are billed', async () => {
    const engine = new LetterEngine(-3, -1, -2, -0.5);
    const body = { prompt: 'Hi', n: 2, best_of: 4 };
    const { choices, usage } = await completionOf(await post(engine, body));
    expect(choices.map(({ index, text, logprobs }) => [index, text, logprobs])).toEqual([
      [0, 'd', null],
      [1, 'b', null],
    ]);
    expect(usage?.completion_tokens).toBe(4);
    expect(engine.requests[0]?.logprobs).toBe(0);
  });

  it('are likeliest by the mean of their tokens; one without tokens is the last', () => {
    const choice = (name: string, ...logprobs: number[]) => ({
      name,
      tokens: logprobs.map((logprob) => ({ tokenId: 1, logprobs: { logprob, top: [] } })),
    });
    const choices = [choice('none'), choice('long', -1, -1, -1, -1), choice('short', -2)];
    expect(likeliestChoices(choices, 2).map(({ name }) => name)).toEqual(['long', 'short']);
    expect(likeliestChoices(choices, 3)).toEqual(choices);
    expect(likeliestChoices([choice('a', -1), choice('b', -1)], 1)[0]?.name).toBe('a');
  });
});

describe('a scored prompt', () => {
  const body = { prompt: 'Hi', echo: true, logprobs: 1 };
  const scores = {
    tokens: ['H', 'i'],
    token_logprobs: [null, -0.25],
    top_logprobs: [null, { i: -0.25 }],
    text_offset: [0, 1],
  };

  it('alone has an entry per token, the first null, and no text behind it', async () => {
    const engine = new FakeEngine({ text: '!' });
    const { choices, usage } = await completionOf(await post(engine, { ...body, max_tokens: 0 }));
    expect(choices).toEqual([{ text: 'Hi', index: 0, logprobs: scores, finish_reason: 'length' }]);
    expect(usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 0 });
    expect(engine.requests[0]).toMatchObject({ maxTokens: 0, promptLogprobs: 1 });
  });

  it('may fill all positions where nothing is to come after it', async () => {
    const [engine, prompt] = [new FakeEngine({ text: '!' }), 'x'.repeat(64)];
    const response = await post(engine, { ...body, prompt, max_tokens: 0 });
    expect((await completionOf(response)).choices[0]?.logprobs?.tokens).toHaveLength(64);
  });

  it('is followed by the text and by what ended it, which is neither text nor billed', async () => {
    const { choices, usage } = await completionOf(await post(new FakeEngine({ text: '!' }), body));
    expect(choices[0]).toMatchObject({ text: 'Hi!', finish_reason: 'stop' });
    expect(choices[0]?.logprobs?.tokens).toEqual(['H', 'i', '!', '<eos>']);
    expect(choices[0]?.logprobs?.text_offset).toEqual([0, 1, 2, 3]);
    expect(usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 1 });
  });

  it('leaves out the markers of latent mode', async () => {
    const asked = { ...body, latent_thoughts: 2, max_tokens: 4 };
    const { choices } = await completionOf(await post(new FakeEngine({ text: '!' }), asked));
    expect(choices[0]?.logprobs?.tokens).toEqual(['H', 'i', '!', '<eos>']);
  });

  it('is not asked for without echo, nor its scores without logprobs', async () => {
    for (const asked of [
      { ...body, echo: false },
      { prompt: 'Hi', echo: true },
    ]) {
      const engine = new FakeEngine({ text: '!' });
      await post(engine, asked);
      expect(engine.requests[0]?.promptLogprobs).toBeUndefined();
    }
  });
});

describe('token ids', () => {
  it('come where they are asked for', async () => {
    const engine = new FakeEngine({ text: '!?' });
    const body = { prompt: 'Hi', latent_thoughts: 1, return_token_ids: true };
    const { choices } = await completionOf(await post(engine, body));
    expect(choices[0]).toMatchObject({
      token_ids: [33, 63],
      prompt_token_ids: [72, 105, special.bot, special.eot],
    });
  });
});

describe('text in a prompt', () => {
  it.each(['<bot>', '<eot>', '<|latent|>', '<|endoftext|>', '<eos>'])(
    '%s stays text',
    async (marker) => {
      const engine = new FakeEngine({ text: 'Yes.' });
      await post(engine, { prompt: marker });
      expect(engine.requests[0]?.promptIds).toEqual([...Buffer.from(marker)]);
    },
  );
});

const manyPrompts = Array<string>(33).fill('x');
const tooLong = 'x'.repeat(2000);

describe('refused', () => {
  it.each<[object, string]>([
    [{ prompt: [special.bot] }, 'prompt'],
    [{ prompt: [72, special.eot] }, 'prompt'],
    [{ prompt: [99_999] }, 'prompt'],
    [{ prompt: '' }, 'prompt'],
    [{ prompt: [] }, 'prompt'],
    [{ prompt: [-1] }, 'prompt[0]'],
    [{ prompt: [1.5] }, 'prompt[0]'],
    [{ prompt: manyPrompts }, 'prompt'],
    [{ prompt: 'x'.repeat(64) }, 'prompt'],
    [{ prompt: tooLong }, 'prompt'],
    [{ prompt: 'x', n: 5 }, 'n'],
    [{ prompt: 'x', n: 0 }, 'n'],
    [{ prompt: 'x', best_of: 5 }, 'best_of'],
    [{ prompt: 'x', n: 3, best_of: 2 }, 'best_of'],
    [{ prompt: 'x', best_of: 2, stream: true }, 'best_of'],
    [{ prompt: 'x', response_format: { type: 'json_object' } }, 'response_format'],
    [{ prompt: 'x', suffix: 'y' }, 'suffix'],
    [{ prompt: 'x', logprobs: 6 }, 'logprobs'],
    [{ prompt: 'x', max_tokens: 0 }, 'max_tokens'],
    [{ prompt: 'x', max_tokens: 0, logprobs: 1 }, 'max_tokens'],
    [{ prompt: 'x'.repeat(65), max_tokens: 0, echo: true }, 'prompt'],
    [{ prompt: 'x', latent_thoughts: 7 }, 'latent_thoughts'],
    [{ prompt: 'x', stream_options: {} }, 'stream_options'],
  ])('%j', async (body, param) => {
    const engine = new FakeEngine();
    const response = await post(engine, body);
    expect(response.status).toBe(400);
    expect((await errorOf(response)).param).toBe(param);
    expect(engine.requests).toEqual([]);
  });
});
