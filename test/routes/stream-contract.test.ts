// What clients of OpenAI's API rely on in streams and headers, endpoint by endpoint.
import { describe, expect, it } from 'vitest';
import { textCompletionSchema } from '../../src/routes/response-schemas.ts';
import {
  ask,
  chunksOf,
  completionOf,
  FakeEngine,
  fakeApp,
  fakeModel,
  post,
  postChat,
  type ScriptStep,
} from '../support/fake-engine.ts';

const completionsPath = '/v1/completions';
const prompted = (extra: object = {}) => ({ model: 'fake/coconut', prompt: 'Hi', ...extra });
const endpoints: [string, object][] = [
  ['/v1/chat/completions', ask()],
  [completionsPath, prompted()],
  ['/v1/responses', { model: 'fake/coconut', input: 'Hi' }],
];

const serve = (...script: ScriptStep[]) => fakeApp([fakeModel(new FakeEngine(...script))]).app;
const yes = () => serve({ text: '### Yes.' });

async function textChunksOf(response: Response | Promise<Response>) {
  return (await chunksOf(response)).map((chunk) => textCompletionSchema.parse(chunk));
}

it.each([
  ...endpoints,
  ['/v1/responses/input_tokens', { model: 'fake/coconut', input: 'Hi' }],
  ['/tokenize', prompted()],
  ['/detokenize', { model: 'fake/coconut', tokens: [72] }],
] as const)('%s ignores fields that nobody knows', async (path, body) => {
  const odd = JSON.parse('{"made_up": {"a": 1}, "constructor": 2, "__proto__": {"n": 5}}');
  expect((await post(yes(), path, { ...odd, ...body })).status).toBe(200);
});

describe.each(endpoints)('%s', (path, body) => {
  it('tells its time, plain and streamed, and lets no proxy hold a stream back', async () => {
    const plain = await post(yes(), path, body);
    expect(plain.headers.get('openai-processing-ms')).toMatch(/^\d+$/);
    expect(plain.headers.has('x-accel-buffering')).toBe(false);
    const streamed = await post(yes(), path, { ...body, stream: true });
    expect(streamed.headers.get('openai-processing-ms')).toMatch(/^\d+$/);
    expect(streamed.headers.get('x-accel-buffering')).toBe('no');
    await streamed.text();
  });

  it('says of a bug that to ask again is no use, and of what clients do not repeat anyway nothing', async () => {
    const broken = await post(serve({ fail: new Error('broken') }), path, body);
    expect([broken.status, broken.headers.get('x-should-retry')]).toEqual([500, 'false']);
    const wrong = await post(yes(), path, { ...body, temperature: 3 });
    expect([wrong.status, wrong.headers.has('x-should-retry')]).toEqual([400, false]);
  });

  it('refuses metadata over OpenAI’s sizes', async () => {
    for (const metadata of [{ ['k'.repeat(65)]: '' }, { k: 'x'.repeat(513) }, { k: 1 }]) {
      expect((await post(yes(), path, { ...body, metadata })).status).toBe(400);
    }
  });
});

describe('chunks of chat', () => {
  it('have one id, time and model', async () => {
    const options = { stream: true, stream_options: { include_usage: true }, n: 2 };
    const chunks = await chunksOf(postChat(yes(), ask(options)));
    const heads = chunks.map(({ id, created, model, system_fingerprint }) =>
      JSON.stringify({ id, created, model, system_fingerprint }),
    );
    expect(new Set(heads).size).toBe(1);
    expect(chunks.length).toBeGreaterThan(8);
  });

  it('have token ids where they are asked for: the prompt’s first, then those of each text', async () => {
    type WithIds = { prompt_token_ids?: number[]; choices: { token_ids?: number[] }[] };
    const asked = { return_token_ids: true };
    const plain = (await completionOf(postChat(yes(), ask(asked)))) as unknown as WithIds;
    const ids = [...Buffer.from('### Yes.')];
    expect(plain.choices[0]?.token_ids).toEqual(ids);
    expect(plain.prompt_token_ids?.slice(0, 3)).toEqual([...Buffer.from('Is ')]);

    const chunks = (await chunksOf(
      postChat(yes(), ask({ ...asked, stream: true })),
    )) as unknown as WithIds[];
    expect(chunks[0]?.prompt_token_ids).toEqual(plain.prompt_token_ids);
    expect(chunks.filter((chunk) => chunk.prompt_token_ids)).toHaveLength(1);
    expect(chunks.flatMap(({ choices }) => choices[0]?.token_ids ?? [])).toEqual(ids);

    const without = await chunksOf(postChat(yes(), ask({ stream: true })));
    expect(JSON.stringify(without)).not.toContain('token_ids');
  });
});

describe('chunks of completions', () => {
  const streamOf = (extra: object, ...script: ScriptStep[]) =>
    textChunksOf(post(serve(...script), completionsPath, prompted({ stream: true, ...extra })));

  it('have one id and time', async () => {
    const chunks = await streamOf({ prompt: ['Hi', 'Ho'] }, { text: 'ab' });
    expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
  });

  it('have a null usage up to the last with include_usage, and none without', async () => {
    const withUsage = await streamOf({ stream_options: { include_usage: true } }, { text: 'ab' });
    expect(withUsage.slice(0, -1).map(({ usage }) => usage)).toEqual(
      withUsage.slice(0, -1).map(() => null),
    );
    expect(withUsage.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 2 } });
    const without = await streamOf({}, { text: 'ab' });
    expect(without.filter((chunk) => 'usage' in chunk)).toEqual([]);
  });

  it('begin with the prompt where it is echoed', async () => {
    const chunks = await streamOf({ echo: true }, { text: 'ab' });
    expect(chunks.map(({ choices }) => choices[0]?.text)).toEqual(['Hi', 'a', 'b', '']);
  });

  it('end before a stop string', async () => {
    const chunks = await streamOf({ stop: [' a c'] }, { text: 'Tom is a cat.' }, { hang: true });
    expect(chunks.map(({ choices }) => choices[0]?.text).join('')).toBe('Tom is');
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
  });

  it('leave metadata to the plain answer', async () => {
    const metadata = { ticket: '7' };
    const plain = await post(yes(), completionsPath, prompted({ metadata }));
    expect(textCompletionSchema.parse(await plain.json()).metadata).toEqual(metadata);
    const chunks = await streamOf({ metadata }, { text: 'a' });
    expect(chunks.filter((chunk) => 'metadata' in chunk)).toEqual([]);
  });
});
