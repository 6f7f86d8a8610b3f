// Whose computed prefixes a request may reuse: its API key's, narrowed by what it says itself.
import { createHash } from 'node:crypto';
import { z } from 'zod';

const scopeText = z.string().max(1024).nullish();

/** OpenAI's field, and the one of other servers for a secret that no other tenant can guess. */
export const cacheFields = { prompt_cache_key: scopeText, cache_salt: scopeText };

const cacheSchema = z.object(cacheFields);
export type CacheFields = z.output<typeof cacheSchema>;

/**
 * A hit shows in the time to the first token: shared between keys it would tell of others' prompts.
 * @param caller hash of the API key
 */
export function cacheScope(caller: string, fields: CacheFields): string {
  const { prompt_cache_key, cache_salt } = fields;
  if (prompt_cache_key == null && cache_salt == null) return caller;
  const parts = JSON.stringify([caller, prompt_cache_key ?? null, cache_salt ?? null]);
  return createHash('sha256').update(parts).digest('base64url');
}
