// Lists and records of request bodies, read as far as they are right. Zod alone reads all of a value and tells of
// each element that is wrong: of a body full of them it would speak while every other request waits.
import { z } from 'zod';

type Bounds = {
  min?: number;
  max: number;
  /** What `item` is known to take, where that can be told faster than by asking it. */
  takes?: (element: unknown) => boolean;
};

/** An array whose only issue is its first wrong element, or the one too many. */
export function listOf<S extends z.ZodType>(item: S, { min = 0, max, takes }: Bounds) {
  const list = z.array(item).max(max);
  return withFirstIssue(min > 0 ? list.min(min) : list, (input) => {
    if (!Array.isArray(input)) return undefined;
    for (const [at, element] of input.entries()) {
      if (at === max)
        return { code: 'too_big', origin: 'array', maximum: max, inclusive: true, input };
      const issue = takes?.(element) ? undefined : issueOf(item, element);
      if (issue) return { ...issue, path: [at, ...issue.path] } as z.core.$ZodRawIssue;
    }
    return undefined;
  });
}

/**
 * An object under keys of the caller's own: what is wrong with one of them is told of the whole. An issue's path is
 * for the API's own names, and goes into the log.
 */
export function recordOf<V extends z.ZodType>(
  key: z.ZodString,
  value: V,
  { max, unit }: { max: number; unit: string },
) {
  return withFirstIssue(z.record(key, value), (input) => {
    if (typeof input !== 'object' || input === null || Array.isArray(input)) return undefined;
    const pairs = Object.entries(input);
    const custom = (message: string) => ({ code: 'custom' as const, input, message });
    if (pairs.length > max) return custom(`takes at most ${max} ${unit}, got ${pairs.length}`);
    for (const [name, given] of pairs) {
      const issue = issueOf(key, name) ?? issueOf(value, given);
      if (issue) return custom(`${issue.message}, at ${JSON.stringify(name.slice(0, 64))}`);
    }
    return undefined;
  });
}

const issueOf = (schema: z.ZodType, value: unknown) => schema.safeParse(value).error?.issues[0];

/** The schema as it is, but for values of which `firstIssue` knows one: of them it reads nothing. */
function withFirstIssue<S extends z.ZodType>(
  schema: S,
  firstIssue: (input: unknown) => z.core.$ZodRawIssue | undefined,
): S {
  const { run } = schema._zod;
  schema._zod.run = (payload, context) => {
    const issue = firstIssue(payload.value);
    if (!issue) return run(payload, context);
    payload.issues.push(issue);
    return payload;
  };
  return schema;
}
