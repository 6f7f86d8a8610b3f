// What a request must pass before a route sees it: Host, API key, a server that still takes work,
// a body that is plain JSON of bounded size.
import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { apiError } from '../errors.ts';
import type { AppDeps, AppEnv } from './app-context.ts';

type Guard = MiddlewareHandler<AppEnv>;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Of an address, also of an IPv4 one written as IPv6, and of the one name that means nothing else. */
function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1');
  const version = isIP(address);
  return version === 0
    ? address === 'localhost'
    : loopback.check(address, `ipv${version as 4 | 6}`);
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * A server on loopback without keys trusts whoever reaches it, so a web page whose name was rebound
 * to 127.0.0.1 must not: its requests carry that name as Host.
 * `host` is the address that the server is bound to.
 */
export function guardHost({ host, apiKeys }: AppDeps['config']): Guard {
  const open = apiKeys.length > 0 || !isLoopback(host);
  return async (c, next) => {
    const { hostname } = new URL(c.req.url);
    if (!open && !isLoopback(hostname)) throw apiError('host_not_allowed', { host: hostname });
    await next();
  };
}

/** Hashes make the compared lengths equal; every key is compared, so time tells nothing. */
export function requireApiKey({ apiKeys }: AppDeps['config']): Guard {
  const known = apiKeys.map(sha256);
  return async (c, next) => {
    c.set('caller', 'anyone');
    if (known.length > 0) {
      const token = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
      if (token === undefined) throw apiError('invalid_api_key', { given: 'missing' });
      const given = sha256(token);
      const matches = known.filter((key) => timingSafeEqual(key, given));
      if (matches.length === 0) throw apiError('invalid_api_key', { given: 'unknown' });
      c.set('caller', given.toString('hex'));
    }
    await next();
  };
}

/** Refuses new work once the server drains, and asks the client to connect elsewhere. */
export function refuseWhileDraining({ phase }: AppDeps): Guard {
  return async (c, next) => {
    if (phase() !== 'draining') return next();
    c.header('connection', 'close');
    throw apiError('engine_unavailable', { state: 'draining' });
  };
}

/** Only uncompressed JSON: a compressed body could unfold past the limit. */
export function requireJson(): Guard {
  return async (c, next) => {
    const encoding = c.req.header('content-encoding') ?? 'identity';
    if (encoding.toLowerCase() !== 'identity') {
      throw unsupported('Content-Encoding', encoding, 'identity');
    }
    const type = c.req.header('content-type') ?? 'nothing';
    if (!/^application\/json\s*(;|$)/i.test(type)) {
      throw unsupported('Content-Type', type, 'application/json');
    }
    await next();
  };
}

/** Refuses a body that is too long, and any while those that are held take all of the budget. */
export function limitBody({ bodyLimitBytes, bodyBudgetBytes }: AppDeps['config']): Guard {
  let heldBytes = 0;
  const refuse = () => {
    throw apiError('payload_too_large', { limitBytes: bodyLimitBytes });
  };
  const counting = bodyLimit({ maxSize: bodyLimitBytes, onError: refuse });
  return async (c, next) => {
    const length = c.req.header('content-length');
    const isChunked = c.req.header('transfer-encoding') !== undefined;
    const isTold = length !== undefined && !isChunked;
    const bytes = isTold ? Number(length) : bodyLimitBytes;
    if (bytes > bodyLimitBytes) refuse();
    if (heldBytes + bytes > bodyBudgetBytes) {
      const of = 'bytes for request bodies';
      throw apiError('server_is_overloaded', { limit: bodyBudgetBytes, of });
    }
    heldBytes += bytes;
    try {
      // To count would make a fetch Request with a stream of each; Node ends a body where its header says.
      return isTold ? await next() : await counting(c, next);
    } finally {
      heldBytes -= bytes;
    }
  };
}

/** Arrays and objects inside one another: what reads a body further on does so by recursion. */
export const maxBodyNesting = 256;

/** Throws invalid_json, or invalid_request for a body that nests too deep to be read. */
export async function readJson(c: Context<AppEnv>): Promise<unknown> {
  const body = parseJson(await c.req.text());
  if (!nestsDeeper(body, maxBodyNesting)) return body;
  throw apiError('invalid_request', {
    param: null,
    message: `The request body nests arrays and objects more than ${maxBodyNesting} deep.`,
  });
}

/** Tells the place only: the parser's own message quotes the body. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const position = /position (\d+)/.exec(String(error))?.[1] ?? text.length;
    throw apiError('invalid_json', { reason: `parsing stopped at character ${position}.` });
  }
}

/** Level by level, not by recursion. */
function nestsDeeper(body: unknown, most: number): boolean {
  const isNested = (value: unknown) => typeof value === 'object' && value !== null;
  let level = [body].filter(isNested);
  for (let depth = 0; depth < most && level.length > 0; depth++) {
    level = level.flatMap((value) => Object.values(value as object).filter(isNested));
  }
  return level.length > 0;
}

function unsupported(header: string, given: string, expected: string) {
  return apiError('unsupported_media_type', { header, given: given.slice(0, 100), expected });
}
