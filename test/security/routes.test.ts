// Every route that is mounted, as the router itself lists them: nothing answers without a key but the
// probes, and nothing is mounted that a server for strangers should not have.
import { describe, expect, it } from 'vitest';
import { FakeEngine, fakeApp, fakeModel } from '../support/fake-engine.ts';

const engine = new FakeEngine({ text: 'Yes.' });
const { app } = fakeApp([fakeModel(engine)], { apiKeys: ['key'] });
const open = ['GET /healthz', 'GET /readyz', 'GET /ping'];

const mounted = app.routes.filter(({ path }) => !path.includes('*'));
const routes = [
  ...new Set(
    mounted.flatMap(({ method, path }) =>
      (method === 'ALL' ? ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] : [method]).map(
        (verb) => `${verb} ${path.replace(/:\w+\{[^}]*\}/, 'fake/coconut')}`,
      ),
    ),
  ),
];

describe('a request without a key', () => {
  it.each(routes.filter((route) => !open.includes(route)))('%s is refused', async (route) => {
    const [method, path] = route.split(' ') as [string, string];
    for (const authorization of [undefined, 'Bearer', 'Bearer wrong', 'Basic a2V5']) {
      const headers = { ...(authorization && { authorization }) };
      const response = await app.request(path, { method, headers });
      expect([authorization, response.status]).toEqual([authorization, 401]);
      expect(await response.text()).not.toContain('fake/coconut');
    }
    expect(engine.requests).toEqual([]);
  });

  it.each(open)('%s is answered', async (route) => {
    expect((await app.request(route.split(' ')[1]!)).status).toBe(200);
  });
});

it('nothing is mounted that creates, pulls, loads or debugs', () => {
  // The playground's files are a fixed list of its own (test/routes/playground.test.ts).
  const shapeOf = (path: string) =>
    path.replace(/^\/openai/, '').replace(/^\/playground\/[\w.-]+$/, '/playground/FILE');
  const paths = [...new Set(mounted.map(({ path }) => shapeOf(path)))];
  expect(paths.sort()).toEqual([
    '/detokenize',
    '/docs',
    '/healthz',
    '/metrics',
    '/openapi.json',
    '/ping',
    '/playground',
    '/playground/',
    '/playground/FILE',
    '/readyz',
    '/tokenize',
    '/v1/chat/completions',
    '/v1/completions',
    '/v1/models',
    '/v1/models/:id{.+}',
    '/v1/responses',
    '/v1/responses/input_tokens',
  ]);
});

it.each(['../../etc/passwd', '/etc/passwd', '..%2f..%2fmodels', 'fake/coconut/../x'])(
  'the model id %s is a name, not a path',
  async (id) => {
    const headers = { authorization: 'Bearer key', 'content-type': 'application/json' };
    const body = JSON.stringify({ model: id, messages: [{ role: 'user', content: 'x' }] });
    const answer = await app.request('/v1/chat/completions', { method: 'POST', headers, body });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { code: 'model_not_found' } });
  },
);
