// README.md beside this file says where each finding is tested: every test it names must be there.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  ask,
  errorOf,
  FakeEngine,
  fakeApp,
  fakeModel,
  post,
  postChat,
} from '../support/fake-engine.ts';

const table = readFileSync(new URL('README.md', import.meta.url), 'utf8');
const rows = table.split('\n').filter((line) => /^\| (?!finding|---)/.test(line));
const named = rows.flatMap((row) => {
  const tests = row.split(' | ')[1]?.replace(/ \|$/, '') ?? '';
  return tests.split('; ').map((part) => {
    const [, path = '', titles = ''] = /^`([^`]+)` (.*)$/.exec(part) ?? [];
    return { path, titles: [...titles.matchAll(/"([^"]+)"/g)].map(([, title]) => title ?? '') };
  });
});

describe('the table of findings', () => {
  it('has a test in every row', () => {
    expect(rows.length).toBeGreaterThan(20);
    for (const { path, titles } of named) expect([path, titles.length > 0]).toEqual([path, true]);
  });

  it.each(named)('$path has what is named of it', ({ path, titles }) => {
    const text = readFileSync(path, 'utf8');
    expect(titles.filter((title) => !text.includes(title))).toEqual([]);
  });
});

it.each([
  { chat_template: '{% for i in range(10 ** 9) %}x{% endfor %}' },
  { chat_template_kwargs: { chat_template: 'x' } },
])('a caller’s template is refused: %j', async (field) => {
  const engine = new FakeEngine({ text: 'Yes.' });
  const response = await postChat(fakeApp([fakeModel(engine)]).app, ask(field));
  expect(response.status).toBe(400);
  expect((await errorOf(response)).param).toBe(Object.keys(field)[0]);
  expect(engine.requests).toEqual([]);
});

describe('a body nested 50,000 deep', () => {
  const list = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
  const format = (schema: string) =>
    `{"type": "json_schema", "json_schema": {"name": "n", "schema": ${schema}}}`;

  it.each([
    ['tools', list],
    ['response_format', format(`{"items": ${list}}`)],
    ['response_format', format(`{"enum": ${list}}`)],
    ['unknown', list],
  ])('is refused before anything reads it by recursion: %s', async (field, value) => {
    const { app } = fakeApp([fakeModel(new FakeEngine())], { bodyLimitBytes: 1 << 20 });
    const response = await app.request('/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"model": "fake/coconut", "messages": [], "${field}": ${value}}`,
    });
    expect(response.status).toBe(400);
    expect((await errorOf(response)).message).toContain('more than 256 deep');
  });

  it('is one level too many at 257', async () => {
    const { app } = fakeApp([fakeModel(new FakeEngine())]);
    const post = (levels: number) =>
      app.request('/v1/chat/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: `{"unknown": ${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`,
      });
    expect((await errorOf(await post(256))).param).toBe('model');
    expect((await errorOf(await post(257))).param).toBeNull();
  });
});

describe('a schema that asks for far more than its size', () => {
  const nested = (levels: number): object =>
    levels === 0 ? {} : { type: ['array', 'array'], items: nested(levels - 1) };
  const schemas: [string, object, string][] = [
    ['types twice, nested', nested(25), 'schema.type: 2 types, of which 1 differ'],
    ['groups', { type: 'string', pattern: '('.repeat(10_000) }, 'at most 1024'],
    ['quantifiers', { type: 'string', pattern: 'a{0}'.repeat(1025) }, 'at most 1024'],
    ['no strings', { type: { toString: 1 } }, 'is no type'],
  ];
  const format = { type: 'json_schema', name: 'n' };
  const bodies = (schema: object): [string, object][] => [
    [
      '/v1/chat/completions',
      ask({ response_format: { ...format, json_schema: { name: 'n', schema } } }),
    ],
    [
      '/v1/responses',
      { model: 'fake/coconut', input: 'a', text: { format: { ...format, schema } } },
    ],
    [
      '/v1/responses/input_tokens',
      { model: 'fake/coconut', input: 'a', text: { format: { ...format, schema } } },
    ],
  ];

  it.each(schemas)('is refused on every route: %s', async (_, schema, message) => {
    const engine = new FakeEngine({ text: '[]' });
    const { app } = fakeApp([fakeModel(engine)], { bodyLimitBytes: 1 << 20 });
    for (const [path, body] of bodies(schema)) {
      const response = await post(app, path, body);
      expect([path, response.status]).toEqual([path, 400]);
      expect((await errorOf(response)).message).toContain(message);
    }
    expect(engine.requests).toEqual([]);
  });
});
