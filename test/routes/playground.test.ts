// Who gets the playground's files, and what comes with them.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { drawSamples, samplesPath, toText } from '../../scripts/playground-samples.ts';
import { FakeEngine, fakeApp, fakeModel } from '../support/fake-engine.ts';

const models = [fakeModel(new FakeEngine())];
const files = readdirSync('playground');
const paths = ['/playground', '/playground/', ...files.map((name) => `/playground/${name}`)];
const served = paths.filter((path) => !path.endsWith('/index.html'));

const statusesOf = (
  config: Parameters<typeof fakeApp>[1],
  headers: Record<string, string> = {},
): Promise<number[]> => {
  const { app } = fakeApp(models, config);
  return Promise.all(served.map(async (path) => (await app.request(path, { headers })).status));
};
const every = (status: number): number[] =>
  served.map((path) => (path === '/playground' && status === 200 ? 308 : status));

describe('the playground', () => {
  it('is behind the keys, like every path that nobody opened', async () => {
    const locked = { apiKeys: ['key'] };
    expect(await statusesOf({})).toEqual(every(200));
    expect(await statusesOf(locked)).toEqual(every(401));
    expect(await statusesOf(locked, { authorization: 'Bearer key' })).toEqual(every(200));
  });

  it('is public where the operator says so, and opens nothing else', async () => {
    const config = { apiKeys: ['key'], playground: 'public' as const };
    expect(await statusesOf(config)).toEqual(every(200));
    const { app } = fakeApp(models, config);
    for (const path of ['/v1/models', '/metrics', '/docs', '/playground/../v1/models'])
      expect((await app.request(path)).status, path).toBe(401);
    // Another site's name for this machine does not even get the page.
    const { app: open } = fakeApp(models, { playground: 'public' });
    expect((await open.request('http://evil.test/playground/')).status).toBe(403);
  });

  it('is not there when it is off', async () => {
    expect(await statusesOf({ playground: 'off' })).toEqual(every(404));
  });

  it('serves its own files only, each as what it is, under a policy without inline code', async () => {
    const { app } = fakeApp(models);
    for (const name of ['../package.json', '..%2fpackage.json', 'package.json', 'main.ts']) {
      expect((await app.request(`/playground/${name}`)).status, name).toBe(404);
    }
    const page = await app.request('/playground/');
    expect(await page.text()).toBe(readFileSync('playground/index.html', 'utf8'));
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const script = await app.request('/playground/main.js');
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(script.headers.get('x-content-type-options')).toBe('nosniff');
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self'");
    expect(policy).not.toMatch(/unsafe|http|\*/);
    expect((await app.request('/playground/', { method: 'POST' })).status).toBe(405);
  });

  it('has samples as the data sets have them', () => {
    expect(readFileSync(samplesPath, 'utf8')).toBe(toText(drawSamples()));
  });
});
