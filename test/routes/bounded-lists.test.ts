// What is read of a list or a record: up to its first wrong element, or the one too many.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { listOf, recordOf } from '../../src/routes/bounded-lists.ts';
import { apiRoutes } from '../../src/routes/route-table.ts';

/** A string schema that counts what it is asked. */
function counting() {
  let asked = 0;
  const schema = z.string().refine(() => {
    asked += 1;
    return true;
  });
  return { schema, asked: () => asked };
}

const issuesOf = (schema: z.ZodType, value: unknown) =>
  (schema.safeParse(value).error?.issues ?? []).map(({ path, message }) => ({ path, message }));

describe('a list', () => {
  it('is taken as z.array() takes it', () => {
    const list = listOf(z.string(), { min: 1, max: 3 });
    expect(list.parse(['a', 'b', 'c'])).toEqual(['a', 'b', 'c']);
    expect(issuesOf(list, [])).toMatchObject([{ path: [], message: /Too small/ }]);
    expect(issuesOf(list, 'a')).toMatchObject([{ path: [], message: /expected array/ }]);
  });

  it('ends with its first wrong element', () => {
    const { schema, asked } = counting();
    const list = listOf(schema, { max: 100 });
    const [issue, ...others] = issuesOf(list, ['a', 'b', ...Array(50).fill(0)]);
    expect(issue).toEqual({
      path: [2],
      message: 'Invalid input: expected string, received number',
    });
    expect(others).toEqual([]);
    expect(asked()).toBe(2);
  });

  it('is read no further than it may be long', () => {
    const { schema, asked } = counting();
    const issues = issuesOf(listOf(schema, { max: 3 }), Array(50).fill('a'));
    expect(issues).toEqual([{ path: [], message: 'Too big: expected array to have <=3 items' }]);
    expect(asked()).toBe(3);
  });
});

describe('a record', () => {
  const record = (schema: z.ZodType) =>
    recordOf(z.string().max(4), schema, { max: 3, unit: 'pairs' });

  it('is taken as z.record() takes it', () => {
    expect(record(z.number()).parse({ a: 1 })).toEqual({ a: 1 });
    expect(issuesOf(record(z.number()), [])).toMatchObject([{ message: /expected record/ }]);
  });

  it('is counted before it is read', () => {
    const { schema, asked } = counting();
    const given = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [i, 'a']));
    expect(issuesOf(record(schema), given)).toEqual([
      { path: [], message: 'takes at most 3 pairs, got 50' },
    ]);
    expect(asked()).toBe(0);
  });

  it('has its issues at itself, with the beginning of the key', () => {
    const key = 'k'.repeat(100);
    expect(issuesOf(record(z.number()), { a: 'x' })).toEqual([
      { path: [], message: 'Invalid input: expected number, received string, at "a"' },
    ]);
    const [issue, ...others] = issuesOf(record(z.number()), { a: 1, [key]: 1 });
    expect(others).toEqual([]);
    expect(issue).toMatchObject({ path: [], message: /at "k{64}"$/ });
  });
});

describe('a field of a request', () => {
  const bodies = apiRoutes.flatMap((route) =>
    route.method === 'post' ? [[route.path, route.body] as const] : [],
  );
  const fields = bodies.flatMap(([path, body]) =>
    Object.keys((body as z.ZodObject).shape).map((field) => [path, field, body] as const),
  );
  const wrong = {
    'a long list': Array(5000).fill({}),
    'a list of long lists': [Array(5000).fill({})],
    'many pairs': Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key ${i}`, {}])),
    'long contents': [{ role: 'user', content: Array(5000).fill(0) }],
  };

  /** Issues, those of a union's options with them. */
  const size = (issues: readonly z.core.$ZodIssue[]): number =>
    issues.reduce((sum, issue) => {
      const options = issue.code === 'invalid_union' ? issue.errors : [];
      return sum + 1 + options.reduce((count, option) => count + size(option), 0);
    }, 0);

  it.each(fields)('%s %s has few issues, whatever it is given', (_, field, body) => {
    for (const [name, value] of Object.entries(wrong)) {
      const issues = body.safeParse({ [field]: value }).error?.issues ?? [];
      expect(size(issues), name).toBeLessThan(50);
    }
  });
});
