// A prefix-cache hit shows in the time to the first token, so what one key computed no other may find.
import { expect, it } from 'vitest';
import { ask, FakeEngine, fakeApp, fakeModel, postChat } from '../support/fake-engine.ts';

it('every key has a prefix cache of its own, on every endpoint, and cannot name another', async () => {
  const engine = new FakeEngine({ text: 'Yes.' });
  const { app } = fakeApp([fakeModel(engine)], { apiKeys: ['a', 'b'] });
  for (const key of ['a', 'b', 'a']) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    await postChat(app, ask({ cache_salt: 'shared', prompt_cache_key: 'shared' }), headers);
    for (const [path, field] of [
      ['/v1/completions', 'prompt'],
      ['/v1/responses', 'input'],
    ] as const) {
      const body = JSON.stringify({ model: 'fake/coconut', [field]: 'Hi' });
      await app.request(path, { method: 'POST', headers, body });
    }
  }
  const scopes = engine.requests.map(({ cacheScope }) => cacheScope);
  expect(scopes).toHaveLength(9);
  // What a request says of its cache narrows its key's scope, and leads into no other's.
  const [salted, a, , saltedToo, b] = scopes;
  expect(scopes).toEqual([salted, a, a, saltedToo, b, b, salted, a, a]);
  expect(new Set([salted, a, saltedToo, b]).size).toBe(4);
  expect(a).toBeDefined();
  expect(a).not.toBe(b);
  // However it narrows it, all counts against the key's own share of the cache.
  const owners = engine.requests.map(({ cacheOwner }) => cacheOwner);
  expect(owners).toEqual([a, a, a, b, b, b, a, a, a]);
  // Nor is the key itself handed about.
  expect([a, b]).not.toContain('a');
});
