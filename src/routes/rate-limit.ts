// POST requests per key and minute, what only counts tokens included: 429 beyond them, and OpenAI's
// x-ratelimit headers on every answer that counts.
import type { Context, MiddlewareHandler } from 'hono';
import { rateLimiter } from 'hono-rate-limiter';
import { apiError } from '../errors.ts';
import type { AppDeps, AppEnv } from './app-context.ts';

const windowMs = 60_000;

/** One limiter for all routes: what is limited is the key, not the path. Without a limit, nothing. */
export function limitRate({ requestsPerMinute }: AppDeps['config']): MiddlewareHandler<AppEnv> {
  if (requestsPerMinute === 0) return (_, next) => next();
  const limiter = rateLimiter<AppEnv>({
    windowMs,
    limit: requestsPerMinute,
    standardHeaders: false,
    keyGenerator: (c) => c.var.caller,
    handler: (c) => {
      throw apiError('rate_limit_exceeded', {
        limit: `${requestsPerMinute} requests per minute`,
        retryAfterSeconds: tellLimit(c),
      });
    },
  });
  return (c, next) =>
    limiter(c, () => {
      tellLimit(c);
      return next();
    });
}

/** @returns seconds until the count starts anew */
function tellLimit(c: Context<AppEnv>): number {
  const { limit, remaining, resetTime } = c.var.rateLimit;
  const leftMs = resetTime ? resetTime.getTime() - Date.now() : windowMs;
  const seconds = Math.min(60, Math.max(1, Math.ceil(leftMs / 1000)));
  c.header('x-ratelimit-limit-requests', String(limit));
  c.header('x-ratelimit-remaining-requests', String(remaining));
  c.header('x-ratelimit-reset-requests', durationOf(seconds));
  return seconds;
}

/** As OpenAI spells it: 59s, 1m0s. @param seconds at most a minute */
const durationOf = (seconds: number): string => (seconds === 60 ? '1m0s' : `${seconds}s`);
