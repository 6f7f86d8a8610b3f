import { describe, expect, it } from 'vitest';
import {
  apiError,
  type ErrorCode,
  type ErrorParams,
  errorCodes,
  reasonOf,
  toApiError,
  toErrorBody,
} from '../src/errors.ts';

// One example per code: a code without one does not compile.
const examples: {
  [C in ErrorCode]: { params: ErrorParams<C>; status: number; param: string | null };
} = {
  invalid_json: { params: { reason: 'it ends early' }, status: 400, param: null },
  invalid_request: {
    params: { param: 'top_p', message: 'top_p: bad' },
    status: 400,
    param: 'top_p',
  },
  unsupported_parameter: {
    params: { param: 'audio', reason: 'Why.' },
    status: 400,
    param: 'audio',
  },
  unsupported_value: {
    params: { param: 'n', given: '2', supported: '1' },
    status: 400,
    param: 'n',
  },
  context_length_exceeded: { params: { limit: 64, given: 80 }, status: 400, param: 'messages' },
  invalid_api_key: { params: { given: 'missing' }, status: 401, param: null },
  host_not_allowed: { params: { host: 'evil.test' }, status: 403, param: null },
  model_not_found: { params: { model: 'x', served: ['a'] }, status: 404, param: 'model' },
  not_found: { params: { method: 'GET', path: '/x' }, status: 404, param: null },
  method_not_allowed: {
    params: { method: 'PUT', path: '/x', allow: ['GET'] },
    status: 405,
    param: null,
  },
  payload_too_large: { params: { limitBytes: 10 }, status: 413, param: null },
  unsupported_media_type: {
    params: { header: 'A', given: 'b', expected: 'c' },
    status: 415,
    param: null,
  },
  rate_limit_exceeded: {
    params: { limit: '5 per minute', retryAfterSeconds: 7 },
    status: 429,
    param: null,
  },
  server_is_overloaded: { params: { limit: 3 }, status: 503, param: null },
  engine_unavailable: { params: { state: 'loading' }, status: 503, param: null },
  deadline_exceeded: { params: { textTokens: 4, ms: 100 }, status: 503, param: null },
  request_aborted: { params: { textTokens: 4 }, status: 503, param: null },
  server_error: { params: { cause: new Error('/secret/path') }, status: 500, param: null },
};

describe('the error table', () => {
  it.each(errorCodes)('%s has its status, and a body of exactly four keys', (code) => {
    const { params, status, param } = examples[code];
    const error = apiError(code, params as never);
    expect(error.status).toBe(status);
    const body = toErrorBody(error);
    expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'type']);
    // OpenAI's plain 400 has no code.
    expect(body.error).toMatchObject({ code: code === 'invalid_request' ? null : code, param });
    expect(error.code).toBe(code);
    expect(body.error.message).not.toContain('undefined');
  });

  it('has OpenAI’s type for each status', () => {
    const types = new Map<number, string>([
      [429, 'rate_limit_error'],
      [500, 'server_error'],
      [503, 'service_unavailable_error'],
    ]);
    for (const code of errorCodes) {
      const { status, type } = apiError(code, examples[code].params as never);
      expect([code, type]).toEqual([code, types.get(status) ?? 'invalid_request_error']);
    }
  });

  it('keeps clients from asking again where it is a bug, and nowhere else', () => {
    const told = errorCodes.filter(
      (code) => 'x-should-retry' in apiError(code, examples[code].params as never).headers,
    );
    expect(told).toEqual(['server_error']);
  });

  it('puts both numbers into a message about a limit', () => {
    const { message } = apiError('context_length_exceeded', { limit: 64, given: 80 });
    expect(message).toContain('64');
    expect(message).toContain('80');
    const overlong = { limit: 1024, given: 3001, unit: 'characters' } as const;
    expect(apiError('context_length_exceeded', overlong).message).toMatch(
      /1024 characters .* 3001/,
    );
  });

  it('asks clients to wait for a time that they honour (1 to 60 s)', () => {
    for (const code of [
      'server_is_overloaded',
      'engine_unavailable',
      'rate_limit_exceeded',
    ] as const) {
      const seconds = Number(apiError(code, examples[code].params as never).headers['retry-after']);
      expect(seconds).toBeGreaterThanOrEqual(1);
      expect(seconds).toBeLessThanOrEqual(60);
    }
  });

  it('keeps the cause of a bug out of the answer', () => {
    const cause = new Error('/secret/path');
    const error = toApiError(cause);
    expect(error.cause).toBe(cause);
    expect(JSON.stringify(toErrorBody(error))).not.toContain('secret');
    expect(reasonOf(error)).toBe('/secret/path');
  });

  it('leaves an ApiError as it is', () => {
    const error = apiError('server_is_overloaded', { limit: 1 });
    expect(toApiError(error)).toBe(error);
    expect(reasonOf(error)).toBe(error.message);
  });
});
