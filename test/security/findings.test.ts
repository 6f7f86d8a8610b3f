// README.md beside this file says where each finding is tested: every test it names must be there.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ask, errorOf, FakeEngine, fakeApp, fakeModel, postChat } from '../support/fake-engine.ts';

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
