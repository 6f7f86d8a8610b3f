// A reader that takes nothing of its answer, streamed or whole, loses its connection: what is computed for it ends
// as if it had left.
import type { MiddlewareHandler } from 'hono';
import type { AppDeps, AppEnv } from './app-context.ts';

/**
 * Node's timer of a socket begins anew with every byte that moves, and rests while the answer is computed, when there
 * is nothing to take.
 */
export function cutStalledReader({
  stallMs,
}: Pick<AppDeps['config'], 'stallMs'>): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    // Without an adapter's arguments Hono has no env at all, whatever its type says.
    const outgoing = (c.env as AppEnv['Bindings'] | undefined)?.outgoing;
    outgoing?.setTimeout(stallMs, () => {
      if (!outgoing.socket?.writableLength) return;
      c.var.log.info({ stall_ms: stallMs }, 'a reader stalled');
      outgoing.socket.destroy();
    });
    await next();
  };
}
