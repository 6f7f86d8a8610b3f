// How long a request may take: the server's limits, or less where the client says when it gives up.
import type { Context } from 'hono';
import type { GenerationRequest } from '../engine/messages.ts';
import type { AppDeps, AppEnv } from './app-context.ts';

/** OpenAI's clients send their own timeout, in seconds: to answer later is to answer nobody. */
const clientTimeoutHeaders = ['x-stainless-timeout', 'x-stainless-read-timeout'];

/**
 * To be spread into the GenerationRequest of every endpoint: what is left, counted from the request's arrival. A
 * client reads a stream for longer than its timeout, which is for the first byte: it bounds the waiting only.
 */
export function deadlines(
  c: Context<AppEnv>,
  { queueTimeoutMs, requestTimeoutMs }: AppDeps['config'],
): Required<Pick<GenerationRequest, 'queueDeadlineMs' | 'deadlineMs'>> {
  const given = clientTimeoutHeaders
    .map((name) => 1000 * Number(c.req.header(name)))
    .filter((ms) => ms > 0);
  const goneMs = performance.now() - c.var.arrivedMs;
  return {
    queueDeadlineMs: Math.max(0, Math.min(queueTimeoutMs, ...given) - goneMs),
    deadlineMs: Math.max(0, requestTimeoutMs - goneMs),
  };
}
