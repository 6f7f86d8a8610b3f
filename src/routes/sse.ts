// Server-sent events: frames of any endpoint's stream → the response's bytes. They are made only as
// fast as the client reads; while nothing comes, comments keep the connection alive.
import type { Context } from 'hono';
import { type ApiError, toApiError, toErrorBody } from '../errors.ts';
import { logFailure } from '../log.ts';
import type { AppDeps, AppEnv } from './app-context.ts';

export type Frames = AsyncGenerator<string, void, undefined>;

/** One event without a name, as chat and completions have them. */
export const frame = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;

/**
 * Ends a stream that fails midway: the status line is long gone, and OpenAI's clients raise on a data
 * object with an error in it.
 * @param tell the last frames, where the endpoint has its own
 */
export async function* endedByError(
  c: Context<AppEnv>,
  frames: Frames,
  tell: (error: ApiError) => string = (error) => frame(toErrorBody(error)),
): Frames {
  try {
    yield* frames;
  } catch (cause) {
    const error = toApiError(cause);
    logFailure(c.var.log, error);
    yield tell(error);
  }
}

/** @param abort ends the answer: called when the reader leaves */
export function sseResponse(
  c: Context<AppEnv>,
  frames: Frames,
  { heartbeatMs }: Pick<AppDeps['config'], 'heartbeatMs'>,
  abort: () => void,
): Response {
  return c.body(toByteStream(frames, { heartbeatMs, abort }), 200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  });
}

type StreamOptions = { heartbeatMs: number; abort: () => void };

/**
 * At most one frame waits for the reader here, and an answer's events for the frames: they are no
 * more than a slot holds.
 */
export function toByteStream(
  frames: Frames,
  { heartbeatMs, abort }: StreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<string, void>> | null = null;
  let isCancelled = false;
  return new ReadableStream({
    async pull(controller) {
      next ??= frames.next();
      const result = await within(next, heartbeatMs);
      if (isCancelled) return;
      if (result !== 'late') next = null;
      if (result !== 'late' && result.done) controller.close();
      else
        controller.enqueue(encoder.encode(result === 'late' ? ': ping\n\n' : (result.value ?? '')));
    },
    async cancel() {
      isCancelled = true;
      abort();
      await frames.return();
    },
  });
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  // Not the timer of timers/promises: to cancel one costs an abort and its error, for every frame.
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, ms, 'late');
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
