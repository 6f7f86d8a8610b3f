// Every failure that the API can answer with: one table from code to HTTP status, OpenAI error type,
// message and headers. Throw with apiError(); only app.ts and routes/chat-stream.ts answer.

type Row<P> = {
  status: 400 | 401 | 403 | 404 | 405 | 413 | 415 | 429 | 500 | 503;
  type: 'invalid_request_error' | 'rate_limit_error' | 'server_error' | 'service_unavailable_error';
  /** The request field at fault, as a path such as `messages[0].content`. */
  param: (params: P) => string | null;
  message: (params: P) => string;
  headers?: (params: P) => Record<string, string>;
  /** OpenAI has no code for it: the body's is null, and the row's name is for the log and the metrics. */
  isUncoded?: true;
};

type ContextOverflow = {
  param?: string;
  limit: number;
  given: number;
  unit?: keyof typeof overflowText;
};

const overflowText = {
  positions: (limit: number, given: number) =>
    `This model holds at most ${limit} positions (prompt, thoughts and answer together), ` +
    `and the request needs ${given}.`,
  characters: (limit: number, given: number) =>
    `At most ${limit} characters of a prompt are read for this model, and the request has ${given}.`,
};

const row = <P>(spec: Row<P>): Row<P> => spec;
const none = () => null;
/** OpenAI's clients wait this long before they try again; they ignore values above 60. */
const retryAfter = (seconds: number) => ({ 'retry-after': String(seconds) });

const errorTable = {
  invalid_json: row<{ reason: string }>({
    status: 400,
    type: 'invalid_request_error',
    param: none,
    message: ({ reason }) => `The request body is not valid JSON: ${reason}`,
  }),
  invalid_request: row<{ param: string | null; message: string }>({
    status: 400,
    type: 'invalid_request_error',
    param: ({ param }) => param,
    message: ({ message }) => message,
    isUncoded: true,
  }),
  unsupported_parameter: row<{ param: string; reason: string }>({
    status: 400,
    type: 'invalid_request_error',
    param: ({ param }) => param,
    message: ({ param, reason }) => `Unsupported parameter: '${param}'. ${reason}`,
  }),
  unsupported_value: row<{ param: string; given: string; supported: string }>({
    status: 400,
    type: 'invalid_request_error',
    param: ({ param }) => param,
    message: ({ param, given, supported }) =>
      `Unsupported value: '${param}' does not support ${given} here. Supported: ${supported}.`,
  }),
  context_length_exceeded: row<ContextOverflow>({
    status: 400,
    type: 'invalid_request_error',
    param: ({ param }) => param ?? 'messages',
    message: ({ limit, given, unit = 'positions' }) => overflowText[unit](limit, given),
  }),
  invalid_api_key: row<{ given: 'missing' | 'unknown' }>({
    status: 401,
    type: 'invalid_request_error',
    param: none,
    message: ({ given }) =>
      given === 'missing'
        ? 'No API key was given. Send it as `Authorization: Bearer KEY`.'
        : 'The API key is not one of this server’s.',
    headers: () => ({ 'www-authenticate': 'Bearer' }),
  }),
  host_not_allowed: row<{ host: string }>({
    status: 403,
    type: 'invalid_request_error',
    param: none,
    message: ({ host }) =>
      `The Host ${JSON.stringify(host)} is not this machine: without API keys a server on ` +
      'loopback answers to localhost only.',
  }),
  model_not_found: row<{ model: string; served: string[] }>({
    status: 404,
    type: 'invalid_request_error',
    param: () => 'model',
    message: ({ model, served }) =>
      `The model ${JSON.stringify(model)} does not exist. Served: ${served.join(', ')}.`,
  }),
  not_found: row<{ method: string; path: string }>({
    status: 404,
    type: 'invalid_request_error',
    param: none,
    message: ({ method, path }) => `Unknown request URL: ${method} ${path}.`,
  }),
  method_not_allowed: row<{ method: string; path: string; allow: string[] }>({
    status: 405,
    type: 'invalid_request_error',
    param: none,
    message: ({ method, path, allow }) =>
      `${path} does not take ${method}. Allowed: ${allow.join(', ')}.`,
    headers: ({ allow }) => ({ allow: allow.join(', ') }),
  }),
  payload_too_large: row<{ limitBytes: number }>({
    status: 413,
    type: 'invalid_request_error',
    param: none,
    message: ({ limitBytes }) => `The request body is larger than ${limitBytes} bytes.`,
  }),
  unsupported_media_type: row<{ header: string; given: string; expected: string }>({
    status: 415,
    type: 'invalid_request_error',
    param: none,
    message: ({ header, given, expected }) => `${header} must be ${expected}, got ${given}.`,
  }),
  rate_limit_exceeded: row<{ limit: string; retryAfterSeconds: number }>({
    status: 429,
    type: 'rate_limit_error',
    param: none,
    message: ({ limit, retryAfterSeconds }) =>
      `Rate limit reached (${limit}). Try again in ${retryAfterSeconds} s.`,
    headers: ({ retryAfterSeconds }) => retryAfter(retryAfterSeconds),
  }),
  server_is_overloaded: row<{ limit: number; of?: 'bytes for request bodies' }>({
    status: 503,
    type: 'service_unavailable_error',
    param: none,
    message: ({ limit, of = 'places in the queue' }) =>
      `All ${limit} ${of} are taken. Try again shortly.`,
    headers: () => retryAfter(1),
  }),
  engine_unavailable: row<{ state: string }>({
    status: 503,
    type: 'service_unavailable_error',
    param: none,
    message: ({ state }) => `The engine cannot take requests: it is ${state}.`,
    headers: () => retryAfter(5),
  }),
  /** The client left, or the process is about to exit. */
  request_aborted: row<{ textTokens: number }>({
    status: 503,
    type: 'service_unavailable_error',
    param: none,
    message: ({ textTokens }) => `The answer was cut off after ${textTokens} text tokens.`,
    headers: () => retryAfter(5),
  }),
  /** Of the server's own limits or the client's: none of the answer, or only its beginning, was made. */
  deadline_exceeded: row<{ textTokens: number; ms: number }>({
    status: 503,
    type: 'service_unavailable_error',
    param: none,
    message: ({ textTokens, ms }) =>
      `The time limit was reached after ${ms} ms and ${textTokens} text tokens.`,
    headers: () => retryAfter(5),
  }),
  /** `cause` is for the log only: the client never sees it. */
  server_error: row<{ cause: unknown }>({
    status: 500,
    type: 'server_error',
    param: none,
    message: () => 'The server had an error while processing the request.',
    // A bug does not go away by asking again.
    headers: () => ({ 'x-should-retry': 'false' }),
  }),
};

export type ErrorCode = keyof typeof errorTable;
export type ErrorParams<C extends ErrorCode> = Parameters<(typeof errorTable)[C]['message']>[0];
export type ErrorBody = {
  error: { message: string; type: string; param: string | null; code: ErrorCode | null };
};

export const errorCodes = Object.keys(errorTable) as ErrorCode[];

/** A failure with a literal code; status, type, param and headers follow from it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ErrorCode;
  readonly status: Row<never>['status'];
  readonly type: Row<never>['type'];
  readonly param: string | null;
  /** What clients read as its code. */
  readonly publicCode: ErrorCode | null;
  readonly headers: Record<string, string>;

  constructor(code: ErrorCode, params: object) {
    const { status, type, param, message, headers, isUncoded } = errorTable[code] as Row<object>;
    super(message(params), 'cause' in params ? { cause: params.cause } : undefined);
    this.code = code;
    this.status = status;
    this.type = type;
    this.param = param(params);
    this.publicCode = isUncoded ? null : code;
    this.headers = headers?.(params) ?? {};
  }
}

export function apiError<C extends ErrorCode>(code: C, params: ErrorParams<C>): ApiError {
  return new ApiError(code, params);
}

/** An ApiError as it is; anything else is a bug, and becomes a server_error that keeps it as cause. */
export function toApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : apiError('server_error', { cause: error });
}

/** What a command tells of an error: of a server_error its cause, which only HTTP clients do not see. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return error instanceof ApiError && cause instanceof Error ? reasonOf(cause) : message;
}

/** OpenAI's error object, all four keys always present. */
export function toErrorBody(error: ApiError): ErrorBody {
  const { message, type, param, publicCode: code } = error;
  return { error: { message, type, param, code } };
}
