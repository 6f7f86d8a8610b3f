// The route table as it is served: every row answers behind the key, is described, and is bounded.
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openApiPath, toOpenApi } from '../../src/routes/openapi.ts';
import {
  chatChunkSchema,
  chatCompletionSchema,
  detokenizedSchema,
  errorSchema,
  modelListSchema,
  tokensSchema,
} from '../../src/routes/response-schemas.ts';
import { apiRoutes } from '../../src/routes/route-table.ts';
import {
  ask,
  chunksOf,
  FakeEngine,
  fakeApp,
  fakeModel,
  post,
  postChat,
} from '../support/fake-engine.ts';

const serve = (config = {}) => fakeApp([fakeModel(new FakeEngine({ text: 'Yes.' }))], config).app;

describe('every route', () => {
  it.each([...apiRoutes.map((route) => route.path), '/openapi.json', '/docs', '/metrics'])(
    '%s asks for the key',
    async (path) => {
      const app = serve({ apiKeys: ['key'] });
      for (const method of ['GET', 'POST', 'DELETE']) {
        const response = await app.request(path.replace(/:id.*/, 'x'), { method });
        expect(response.status).toBe(401);
        errorSchema.parse(await response.json());
      }
    },
  );

  it('is described', () => {
    const { paths } = toOpenApi(true);
    expect(Object.keys(paths ?? {})).toEqual(apiRoutes.map(({ path }) => openApiPath(path)));
    expect(paths?.['/v1/models/{id}']?.get?.parameters).toHaveLength(1);
  });

  it.each(apiRoutes.filter((route) => route.method === 'post').map((route) => route.path))(
    '%s refuses other methods, other types and compressed bodies',
    async (path) => {
      const app = serve();
      const wrong = await app.request(path, { method: 'GET' });
      // GET /v1/responses/input_tokens and the like are no model ids either.
      expect(wrong.status).toBe(405);
      expect(wrong.headers.get('allow')).toBe('POST');
      expect((await app.request(path, { method: 'POST', body: 'x' })).status).toBe(415);
      const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
      const zipped = await app.request(path, { method: 'POST', headers, body: 'x' });
      expect(zipped.status).toBe(415);
    },
  );
});

describe('answers', () => {
  it('are what their schemas say', async () => {
    const app = serve();
    chatCompletionSchema.parse(await (await postChat(app, ask())).json());
    const options = { stream: true, stream_options: { include_usage: true } };
    const chunks = await chunksOf(await postChat(app, ask(options)));
    for (const chunk of chunks) chatChunkSchema.parse(chunk);
    modelListSchema.parse(await (await app.request('/openai/v1/models')).json());
  });

  it('tell OpenAI’s version and let pages read the id', async () => {
    const { headers } = await serve().request('/v1/models');
    expect(headers.get('openai-version')).toBe('2020-10-01');
    expect(headers.get('access-control-expose-headers')).toBe('X-Request-ID');
    expect(headers.has('x-ratelimit-limit-requests')).toBe(false);
  });
});

describe('tokenize', () => {
  it('gives ids, and detokenize the text again', async () => {
    const app = serve();
    const answer = await post(app, '/tokenize', { model: 'fake/coconut', prompt: '<bot>é' });
    const { tokens } = tokensSchema.parse(await answer.json());
    expect(tokens).toEqual([...Buffer.from('<bot>é')]);
    const back = await post(app, '/detokenize', { model: 'fake/coconut', tokens });
    expect(detokenizedSchema.parse(await back.json()).prompt).toBe('<bot>é');
  });

  it('takes messages through the template', async () => {
    const answer = await post(serve(), '/tokenize', ask());
    expect(tokensSchema.parse(await answer.json()).count).toBe('Is Tom a cat?\n'.length);
  });

  it.each([
    ['/tokenize', {}],
    ['/tokenize', { prompt: 'x', messages: [{ role: 'user', content: 'x' }] }],
    ['/tokenize', { prompt: 'x'.repeat(2000) }],
    ['/detokenize', { tokens: [99_999] }],
    ['/detokenize', { tokens: [-1] }],
  ])('%s refuses %j', async (path, body) => {
    const answer = await post(serve(), path, { model: 'fake/coconut', ...body });
    expect(answer.status).toBe(400);
  });
});

describe('requests per minute', () => {
  it('are counted per key over all endpoints', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const app = serve({ requestsPerMinute: 2, apiKeys: ['a', 'b'] });
    const as = (key: string) => postChat(app, ask(), { authorization: `Bearer ${key}` });
    const first = await as('a');
    expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2');
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1');
    expect(first.headers.get('x-ratelimit-reset-requests')).toBe('1m0s');
    await as('a');
    const third = await as('a');
    expect(third.status).toBe(429);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(third.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    expect((await as('b')).status).toBe(200);
  });

  it.each(apiRoutes.filter(({ method }) => method === 'post'))('limit $path', async ({ path }) => {
    const app = serve({ requestsPerMinute: 1 });
    await post(app, path, {});
    expect((await post(app, path, {})).status).toBe(429);
  });
});

describe('the reference page', () => {
  it('names every route, loads nothing, and forbids scripts', async () => {
    const response = await serve().request('/docs');
    const page = await response.text();
    for (const { path } of apiRoutes) expect(page).toContain(openApiPath(path));
    expect(page).not.toMatch(/<script|https?:\/\//);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  });
});
