// Requests begin one in each turn of the event loop. Hundreds that arrive together are all readable in the same
// turn, and would else be parsed, rendered and tokenised in it, while probes and running streams wait.
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from './app-context.ts';

/** Holds a request whose body has arrived until its turn, first come first served. */
export function oneBeginsPerTurn(): MiddlewareHandler<AppEnv> {
  const waiting: (() => void)[] = [];
  const beginNext = () => {
    waiting.shift()?.();
    if (waiting.length > 0) setImmediate(beginNext);
  };
  return async (c, next) => {
    // Before the wait: bodies that arrive together would else bring their requests together again.
    await c.req.text();
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 1) setImmediate(beginNext);
    });
    await next();
  };
}
