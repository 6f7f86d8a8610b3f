// unknown → a parsed request body, for every endpoint that takes one: the first thing wrong with it
// becomes an error that names its field.
import type { z } from 'zod';
import { type ApiError, apiError } from '../errors.ts';

/** `neutral` lists the values that change nothing and so may be sent. */
export type RefusedFields = Record<string, { neutral: readonly unknown[]; reason: string }>;

/** Throws invalid_request, unsupported_parameter or unsupported_value, naming the field. */
export function parseBody<S extends z.ZodType>(
  body: unknown,
  schema: S,
  refused: RefusedFields,
): z.output<S> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw apiError('invalid_request', {
      param: null,
      message: 'The request body must be a JSON object.',
    });
  }
  refuseUnsupported(body, refused);
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  // A failed parse has at least one issue; OpenAI's error object has room for one.
  const issue = mostSpecific(result.error.issues[0]!);
  const param = fieldPath(issue.path);
  throw apiError('invalid_request', { param, message: `${param}: ${issue.message}` });
}

/** For a field that says something about another one. */
export function onlyWith(param: string, other: string): ApiError {
  return apiError('invalid_request', { param, message: `${param}: only allowed with ${other}` });
}

/** Of a union's options, the one that got furthest into the value says best what is wrong with it. */
function mostSpecific(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const firsts = issue.errors.flatMap((issues) => issues.slice(0, 1).map(mostSpecific));
  const [furthest] = firsts.toSorted((a, b) => progress(b) - progress(a));
  if (!furthest || progress(furthest) === 0) return issue;
  return { ...furthest, path: [...issue.path, ...furthest.path] };
}

/** What is not of the wrong kind was read to its end before a check of it failed; a list is read from its start. */
function progress({ code, path }: z.core.$ZodIssue): number {
  const isWrongKind = ['invalid_type', 'invalid_value', 'invalid_union'].includes(code);
  if (!isWrongKind) return Number.MAX_SAFE_INTEGER;
  return path.reduce<number>((sum, key) => sum + 1 + (typeof key === 'number' ? key : 0), 0);
}

function refuseUnsupported(body: object, refused: RefusedFields): void {
  for (const [param, value] of Object.entries(body)) {
    const rule = Object.hasOwn(refused, param) ? refused[param] : undefined;
    if (!rule || value === null) continue;
    const allowed = rule.neutral.map((neutral) => JSON.stringify(neutral));
    if (allowed.includes(JSON.stringify(value))) continue;
    const { reason } = rule;
    if (allowed.length === 0) throw apiError('unsupported_parameter', { param, reason });
    // Lists and objects are not repeated: they may hold the caller's text.
    const given = typeof value === 'object' ? 'the given value' : JSON.stringify(value);
    const supported = `${allowed.join(', ')} (${reason})`;
    throw apiError('unsupported_value', { param, given: given.slice(0, 40), supported });
  }
}

/** ['messages', 0, 'content'] → messages[0].content */
function fieldPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`))
    .join('');
}
