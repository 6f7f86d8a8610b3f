// JSON answers through OpenAI's own client, from a real engine over random weights: only the grammar
// can have made them valid.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type RealApp, realApp } from './support/real-app.ts';
import { writeTinyCheckpoint } from './support/tiny-model.ts';

let dir: string;
let app: RealApp;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'coconut-json-'));
  writeTinyCheckpoint(join(dir, 'tiny'), { seed: 5, method: 'coconut' });
  app = await realApp(join(dir, 'tiny'));
});
afterAll(async () => {
  await app.stop();
  rmSync(dir, { recursive: true, force: true });
});

const messages = [{ role: 'user' as const, content: 'Is Tom a cat?' }];
const verdict = z.object({
  answer: z.enum(['yes', 'no']),
  sure: z.boolean(),
  votes: z.array(z.int().min(0).max(9)).min(1).max(3),
  note: z.string().max(4).nullable(),
});
const jsonSchema = (schema: object) => ({
  type: 'json_schema' as const,
  json_schema: { name: 'answer', schema: schema as Record<string, unknown> },
});
const ask = (extra: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>) =>
  app.client.chat.completions.create({ model: app.model, messages, temperature: 1, ...extra });

describe('answers under a schema', () => {
  const schemas: object[] = [
    z.toJSONSchema(verdict),
    { enum: ['Tom', 'cat', 7] },
    { type: 'array', items: { type: 'integer', minimum: -50, maximum: 50 }, maxItems: 4 },
    { type: 'object', properties: { on: { type: 'string', format: 'date' } } },
    { type: 'number', exclusiveMinimum: 0, maximum: 1 },
  ];
  const ajv = new Ajv2020({ strict: false, validateFormats: false });

  it.each(schemas)('%j parse and are valid, whatever the seed', async (schema) => {
    const isValid = ajv.compile(schema);
    let ended = 0;
    for (let seed = 0; seed < 4; seed++) {
      const response_format = jsonSchema(schema);
      const { choices } = await ask({ response_format, seed, n: 4, max_tokens: 200 });
      for (const { message, finish_reason } of choices) {
        if (finish_reason === 'length') continue;
        ended += 1;
        expect(isValid(JSON.parse(message.content!)), message.content!).toBe(true);
      }
    }
    // White space may use up the budget of some.
    expect(ended).toBeGreaterThan(8);
  });

  it('differ by choice, and follow their seed', async () => {
    const response_format = jsonSchema({ type: 'integer', minimum: 0 });
    const textsOf = async (seed: number) =>
      (await ask({ response_format, seed, n: 3 })).choices.map(({ message }) => message.content);
    const texts = await textsOf(1);
    expect(new Set(texts).size).toBeGreaterThan(1);
    expect(await textsOf(1)).toEqual(texts);
  });

  it('think as much as any other', async () => {
    const response_format = jsonSchema(z.toJSONSchema(verdict));
    const { usage } = await ask({ response_format });
    expect(usage?.completion_tokens_details?.reasoning_tokens).toBe(3);
  });

  it('are cut where the limit is, in the middle of the JSON', async () => {
    const response_format = jsonSchema({ type: 'string', minLength: 50 });
    const { choices } = await ask({ response_format, max_tokens: 13 });
    expect(choices[0]?.finish_reason).toBe('length');
    expect(choices[0]?.message.content).toMatch(/^"/);
  });

  it('do not begin where the thoughts take the limit, and leave the engine as it was', async () => {
    const response_format = jsonSchema({ enum: ['a', 'b'] });
    const { choices, usage } = await ask({ response_format, max_tokens: 2, n: 3 });
    const empty = { finish_reason: 'length', message: { content: '' } };
    expect(choices).toMatchObject([empty, empty, empty]);
    expect(usage).toMatchObject({
      completion_tokens: 2,
      completion_tokens_details: { reasoning_tokens: 2 },
    });
    const whole = await ask({ response_format, temperature: 0 });
    expect(['"a"', '"b"']).toContain(whole.choices[0]?.message.content);
  });

  it('keep to it beside a bias, a cut and a plain answer in one batch', async () => {
    const response_format = jsonSchema({ enum: ['a', 'b'] });
    const bias = Object.fromEntries([...Array(256).keys()].map((id) => [id, -100]));
    const [biased, plain] = await Promise.all([
      ask({ response_format, logit_bias: bias, top_p: 0.1 }),
      ask({ max_tokens: 40 }),
    ]);
    expect(['"a"', '"b"']).toContain(biased.choices[0]?.message.content);
    expect(plain.choices[0]?.finish_reason).toBeDefined();
  });
});

describe('the openai client', () => {
  it('parses a chat completion by a zod schema', async () => {
    const completion = await app.client.chat.completions.parse({
      model: app.model,
      messages,
      response_format: zodResponseFormat(verdict, 'verdict'),
      temperature: 0,
    });
    expect(completion.choices[0]?.finish_reason).toBe('stop');
    expect(verdict.parse(completion.choices[0]?.message.parsed)).toEqual(
      JSON.parse(completion.choices[0]!.message.content!),
    );
  });

  it('streams the same text as it gets at once', async () => {
    const body = {
      model: app.model,
      messages,
      response_format: zodResponseFormat(verdict, 'verdict'),
      seed: 3,
      temperature: 1,
    };
    const plain = await app.client.chat.completions.create(body);
    const streamed = await app.client.chat.completions.stream(body).finalChatCompletion();
    expect(streamed.choices[0]?.message.content).toBe(plain.choices[0]?.message.content);
  });

  it('parses a response by a zod schema', async () => {
    const response = await app.client.responses.parse({
      model: app.model,
      input: 'Is Tom a cat?',
      text: { format: zodTextFormat(verdict, 'verdict') },
      temperature: 0,
    });
    expect(verdict.parse(response.output_parsed)).toEqual(JSON.parse(response.output_text));
  });
});

describe('refused before the answer begins', () => {
  it.each([true, false])('a schema that cannot be held to, stream %s', async (stream) => {
    const response_format = jsonSchema({ type: 'string', pattern: '^a(?=b)' });
    const answer = app.client.chat.completions.create({
      model: app.model,
      messages,
      response_format,
      stream,
    });
    await expect(answer).rejects.toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      param: 'response_format',
    });
  });

  it.each([{ ignore_eos: true }, { min_tokens: 2 }])('%j with a format', async (extra) => {
    const answer = ask({ response_format: { type: 'json_object' }, ...extra });
    await expect(answer).rejects.toMatchObject({ status: 400, param: Object.keys(extra)[0] });
  });
});

describe('the prefix cache', () => {
  const cachedTokens = async (extra: object) => {
    const long = [{ role: 'user' as const, content: 'Every cat is a feline. '.repeat(4) }];
    const completion = await ask({ messages: long, max_tokens: 8, ...extra });
    return completion.usage?.prompt_tokens_details?.cached_tokens;
  };

  it('is shared by requests with the same key, and by no others', async () => {
    await cachedTokens({ prompt_cache_key: 'mine' });
    expect(await cachedTokens({ prompt_cache_key: 'mine' })).toBeGreaterThan(90);
    expect(await cachedTokens({ prompt_cache_key: 'yours' })).toBe(0);
    expect(await cachedTokens({ prompt_cache_key: 'mine', cache_salt: 'salt' })).toBe(0);
    expect(await cachedTokens({ cache_salt: 'mine' })).toBe(0);
    expect(await cachedTokens({})).toBe(0);
    expect(await cachedTokens({})).toBeGreaterThan(90);
  });
});

describe('the best of several completions', () => {
  it('is the one whose tokens are likeliest on average', async () => {
    const body = { model: app.model, prompt: 'Tom', temperature: 1, seed: 11, max_tokens: 6 };
    const all = await app.client.completions.create({ ...body, n: 4, logprobs: 0 });
    const mean = ({ logprobs }: OpenAI.CompletionChoice) => {
      const values = logprobs!.token_logprobs!;
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    const [best] = all.choices.toSorted((a, b) => mean(b) - mean(a));
    const chosen = await app.client.completions.create({ ...body, best_of: 4 });
    expect(chosen.choices.map(({ text }) => text)).toEqual([best?.text]);
    expect(chosen.usage?.completion_tokens).toBe(all.usage?.completion_tokens);
  });
});
