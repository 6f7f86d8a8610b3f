import { describe, expect, it } from 'vitest';
import type { Phase } from '../src/routes/app-context.ts';
import {
  ask,
  cotModel,
  errorOf,
  FakeEngine,
  fakeApp,
  fakeModel,
  postChat,
} from './support/fake-engine.ts';

type ModelObject = { id: string; coconut: { latent_thoughts: object } };

const engine = new FakeEngine({ text: 'Yes.' });
const models = [fakeModel(engine), cotModel(engine)];
const { app } = fakeApp(models);

/** Status, headers and error object, which must have exactly OpenAI's four keys. */
async function refusal(answer: Response | Promise<Response>) {
  const response = await answer;
  const error = await errorOf(response);
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type']);
  return { status: response.status, headers: response.headers, ...error };
}

const post = (body: string, headers: Record<string, string>) =>
  app.request('/v1/chat/completions', { method: 'POST', headers, body });
const json = { 'content-type': 'application/json' };

describe('models', () => {
  it('are listed with their thoughts', async () => {
    const list = await app.request('/v1/models');
    const { object, data } = (await list.json()) as { object: string; data: ModelObject[] };
    expect(object).toBe('list');
    expect(data.map((model) => model.id)).toEqual(['fake/coconut', 'cot']);
    expect(data[0]).toMatchObject({ object: 'model', created: 1_700_000_000 });
    expect(data[0]?.coconut.latent_thoughts).toEqual({ default: 6, maximum: 6 });
    expect(data[1]?.coconut.latent_thoughts).toEqual({ default: 0, maximum: 0 });
  });

  it.each(['/v1/models/fake/coconut', '/openai/v1/models/fake%2Fcoconut'])(
    '%s has an id with a slash',
    async (path) => {
      expect(await (await app.request(path)).json()).toMatchObject({ id: 'fake/coconut' });
    },
  );

  it('that are not served are 404', async () => {
    expect(await refusal(app.request('/v1/models/gpt-4'))).toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
  });
});

describe('requests that reach no handler', () => {
  it.each(['/', '/v1', '/v1/embeddings', '/healthz/x', '//v1/models'])(
    'GET %s is a JSON 404',
    async (path) => {
      expect(await refusal(app.request(path))).toMatchObject({ status: 404, code: 'not_found' });
    },
  );

  it.each([
    ['GET', '/v1/chat/completions', 'POST'],
    ['DELETE', '/openai/v1/chat/completions', 'POST'],
    ['POST', '/v1/models', 'GET, HEAD'],
    ['PUT', '/v1/models/fake/coconut', 'GET, HEAD'],
    ['POST', '/healthz', 'GET, HEAD'],
  ])('%s %s is a JSON 405 with Allow', async (method, path, allow) => {
    const error = await refusal(app.request(path, { method }));
    expect(error).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(error.headers.get('allow')).toBe(allow);
  });

  it.each([
    ['text/plain', {}],
    ['application/jsonp', {}],
    ['application/json', { 'content-encoding': 'gzip' }],
  ])('a body as %s with %j is 415', async (type, more) => {
    const error = await refusal(post(JSON.stringify(ask()), { 'content-type': type, ...more }));
    expect(error).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  it.each(['', '{', '{"model": NaN}', 'null x'])('the body %j is 400', async (body) => {
    expect(await refusal(post(body, json))).toMatchObject({ status: 400, code: 'invalid_json' });
  });

  it('a body that fails to parse is not repeated', async () => {
    expect((await refusal(post('{"secret": oops}', json))).message).not.toMatch(/secret|oops/);
  });

  it('a body over the limit is 413, with or without a length', async () => {
    const before = engine.requests.length;
    const long = JSON.stringify(ask({ user: 'x'.repeat(5000) }));
    const declared = { ...json, 'content-length': String(long.length) };
    expect(await refusal(post(long, declared))).toMatchObject({ status: 413 });
    const { status, code } = await refusal(post(long, json));
    expect({ status, code }).toEqual({ status: 413, code: 'payload_too_large' });
    expect(engine.requests.length).toBe(before);
  });

  it('charset parameters and capitals in the content type are fine', async () => {
    const type = { 'content-type': 'Application/JSON; charset=utf-8' };
    expect((await post(JSON.stringify(ask()), type)).status).toBe(200);
  });
});

describe('request ids', () => {
  it('are made, on errors too, and kept where they are plain', async () => {
    const made = (await app.request('/nowhere')).headers.get('x-request-id');
    expect(made).toMatch(/^req_[\w-]{36}$/);
    const own = await app.request('/v1/models', { headers: { 'x-request-id': 'job-7.a' } });
    expect(own.headers.get('x-request-id')).toBe('job-7.a');
    const odd = await app.request('/v1/models', { headers: { 'x-request-id': 'a b"c' } });
    expect(odd.headers.get('x-request-id')).toMatch(/^req_/);
  });
});

describe('API keys', () => {
  const { app: locked } = fakeApp(models, {
    apiKeys: ['first-key', 'second-key'],
    host: '0.0.0.0',
  });
  const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

  it.each([
    '/v1/models',
    '/openai/v1/models',
    '/metrics',
    '/nowhere',
    '/healthz/../v1/models',
    '//v1/models',
    '/v1/%6dodels',
    '/V1/models',
    '/v1/models?x=/healthz',
  ])('guard %s', async (path) => {
    const error = await refusal(locked.request(path));
    expect(error).toMatchObject({ status: 401, code: 'invalid_api_key' });
    expect(error.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('are asked for before a body is read', async () => {
    expect((await postChat(locked, { model: 'nonsense' })).status).toBe(401);
  });

  it.each(['/healthz', '/readyz', '/ping'])('leave %s open', async (path) => {
    expect((await locked.request(path)).status).toBe(200);
  });

  it.each(['first-key', 'second-key'])('let %s in', async (key) => {
    expect((await locked.request('/v1/models', bearer(key))).status).toBe(200);
  });

  it.each(['first-ke', 'first-key2', 'FIRST-KEY', 'first-key,second-key'])(
    'keep %s out',
    async (key) => {
      expect((await locked.request('/v1/models', bearer(key))).status).toBe(401);
    },
  );

  it('come as Bearer only', async () => {
    const basic = { headers: { authorization: 'Basic first-key' } };
    expect((await locked.request('/v1/models', basic)).status).toBe(401);
  });
});

describe('the Host of a server on loopback without keys', () => {
  it.each([
    'http://evil.test/v1/models',
    'http://localhost.evil.test/v1/models',
    'http://127.0.0.1.evil.test/metrics',
  ])('may not be that of %s', async (url) => {
    expect(await refusal(app.request(url))).toMatchObject({
      status: 403,
      code: 'host_not_allowed',
    });
  });

  it.each(['http://localhost:8080', 'http://127.0.0.1', 'http://[::1]:9', 'http://LOCALHOST'])(
    'may be %s',
    async (origin) => {
      expect((await app.request(`${origin}/v1/models`)).status).toBe(200);
    },
  );

  it.each(['127.0.0.2', '::1', '::ffff:127.0.0.1', 'localhost'])(
    'is checked where the server is bound to %s, which is a Host itself',
    async (host) => {
      const { app: bound } = fakeApp(models, { host });
      expect((await bound.request('http://evil.test/v1/models')).status).toBe(403);
      const own = host.includes(':') ? `[${host}]` : host;
      expect((await bound.request(`http://${own}:8080/v1/models`)).status).toBe(200);
    },
  );

  it('may be anything once keys guard the server or it is bound to a network', async () => {
    const { app: open } = fakeApp(models, { host: '0.0.0.0' });
    expect((await open.request('http://api.example.com/v1/models')).status).toBe(200);
  });
});

describe('probes', () => {
  const at = (phase: Phase, state: FakeEngine['state'] = 'ready') => {
    const loaded = new FakeEngine({ text: 'Yes.' });
    loaded.state = state;
    return fakeApp([fakeModel(loaded)], {}, { phase: () => phase }).app;
  };

  it.each(['loading', 'restarting', 'failed', 'stopped'] as const)(
    'not ready while the engine is %s',
    async (state) => {
      for (const path of ['/readyz', '/ping']) {
        const response = await at('serving', state).request(path);
        expect([path, response.status]).toEqual([path, 503]);
        expect(await response.json()).toEqual({ status: state });
      }
      expect((await at('serving', state).request('/healthz')).status).toBe(200);
    },
  );

  it('after SIGTERM: not ready at once, alive to the end, new requests refused once draining', async () => {
    expect((await at('leaving').request('/readyz')).status).toBe(503);
    expect((await postChat(at('leaving'), ask())).status).toBe(200);
    const response = await postChat(at('draining'), ask());
    expect(response.headers.get('connection')).toBe('close');
    expect(await refusal(response)).toMatchObject({ status: 503, code: 'engine_unavailable' });
    expect((await at('draining').request('/healthz')).status).toBe(200);
  });
});
