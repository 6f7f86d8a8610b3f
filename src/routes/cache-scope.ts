// Whose earlier requests may speed up this one: those of the same API key. A hit shows in the time to
// the first token, so to share between keys would let one caller guess another's prompts.
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import type { AppDeps, AppEnv } from './app-context.ts';

/** Without keys there is one caller, as far as the server can tell. */
export function cacheScope(c: Context<AppEnv>, { apiKeys }: AppDeps['config']): string {
  if (apiKeys.length === 0) return 'anyone';
  // requireApiKey has let it pass, so it is one of the known keys: the scopes are as few.
  const key = c.req.header('authorization')?.split(/ +/).at(-1) ?? '';
  return createHash('sha256').update(key).digest('base64url');
}
