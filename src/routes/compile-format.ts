// A format's grammar compiled before the answer begins: within the time that the request may wait, and no
// longer than its client does.
import type { Context } from 'hono';
import type { GenerationRequest } from '../engine/messages.ts';
import { apiError } from '../errors.ts';
import type { AppDeps, AppEnv } from './app-context.ts';
import { deadlines } from './deadlines.ts';
import { onAbort } from './on-abort.ts';
import type { ServedModel } from './served-model.ts';

type FormatOptions = {
  model: ServedModel;
  request: Pick<GenerationRequest, 'grammar'>;
  /** The request field it came in, for errors. */
  param: string;
};

/**
 * To be awaited before anything is sent. Throws invalid_request, deadline_exceeded, request_aborted, and
 * what the engine refuses.
 */
export async function compileFormat(
  c: Context<AppEnv>,
  deps: AppDeps,
  { model, request: { grammar }, param }: FormatOptions,
): Promise<void> {
  if (grammar === undefined) return;
  const { arrivedMs, caller } = c.var;
  const waiting = new AbortController();
  const over = new AbortController();
  const leave = () => waiting.abort(apiError('request_aborted', { textTokens: 0 }));
  onAbort([c.req.raw.signal, deps.cutoff], over.signal, leave);
  const expire = setTimeout(() => {
    const ms = Math.round(performance.now() - arrivedMs);
    waiting.abort(apiError('deadline_exceeded', { textTokens: 0, ms }));
  }, deadlines(c, deps.config).queueDeadlineMs);
  try {
    const problem = await model.engine().compile(grammar, { caller, signal: waiting.signal });
    if (problem === null) return;
    const message = `${param}: the format cannot be compiled: ${problem}`;
    throw apiError('invalid_request', { param, message });
  } finally {
    clearTimeout(expire);
    over.abort();
  }
}
