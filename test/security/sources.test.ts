// What must not be in the sources and the packages at all.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const serving = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(join('src', name), 'utf8') }));

it('nothing evaluates text, unpickles it or hands it to a shell', () => {
  const forbidden = /\beval\(|new Function\(|node:vm|node:v8|\bexecSync\(|shell: true/;
  expect(serving.filter(({ text }) => forbidden.test(text)).map(({ name }) => name)).toEqual([]);
});

it('no route starts a process', () => {
  const routes = serving.filter(({ name }) => /^(routes|engine)\//.test(name));
  expect(routes.length).toBeGreaterThan(20);
  const users = routes.filter(({ text }) => text.includes('child_process'));
  expect(users.map(({ name }) => name)).toEqual([]);
});

// CVE-2026-44456 (body limit and chunks) and CVE-2026-54288 were mended in these.
it.each([
  ['hono', [4, 12, 25]],
  ['@hono/node-server', [2, 1, 9]],
])('%s is at least of version %j', (name, least) => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const version: string = lock.packages[`node_modules/${name}`].version;
  const at = (parts: readonly number[]) => parts.reduce((sum, part) => sum * 1000 + part, 0);
  expect(at(version.split('.').map(Number))).toBeGreaterThanOrEqual(at(least));
});
