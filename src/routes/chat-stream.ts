// Server-sent events of one chat completion: chunks, [DONE], or one error object and the end.
// Bytes are made only as fast as the client reads; while nothing comes, comments keep it alive.
import { setTimeout as delay } from 'node:timers/promises';
import { type ApiError, toApiError, toErrorBody } from '../errors.ts';
import type { Tokenizer } from '../model/tokenizer.ts';
import type { Answer } from './answer.ts';
import { toChatLogprobs } from './chat-logprobs.ts';
import { chunkWriter, type ResponseHead } from './chat-response.ts';

type ChatStreamOptions = {
  head: ResponseHead;
  tokenizer: Tokenizer;
  includeUsage: boolean;
  heartbeatMs: number;
  onFailure: (error: ApiError) => void;
};

/** A reader that leaves aborts the answer. */
export function chatStream(answer: Answer, options: ChatStreamOptions): ReadableStream<Uint8Array> {
  return toByteStream(frames(answer, options), options.heartbeatMs, answer.abort);
}

const frame = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;

async function* frames(
  answer: Answer,
  { head, tokenizer, includeUsage, onFailure }: ChatStreamOptions,
): AsyncGenerator<string, void, undefined> {
  const chunks = chunkWriter(head, includeUsage);
  try {
    yield frame(chunks.first());
    for await (const event of answer.events) {
      if (event.kind === 'text') {
        yield frame(chunks.text(event.text, toChatLogprobs(event.tokens, tokenizer)));
      }
      if (event.kind === 'finished') yield chunks.last(event).map(frame).join('');
    }
    yield 'data: [DONE]\n\n';
  } catch (cause) {
    // The status line is long gone: OpenAI's clients raise on a data object with an error in it.
    const error = toApiError(cause);
    onFailure(error);
    yield frame(toErrorBody(error));
  }
}

function toByteStream(
  frames: AsyncGenerator<string, void, undefined>,
  heartbeatMs: number,
  abort: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<string, void>> | null = null;
  return new ReadableStream({
    async pull(controller) {
      next ??= frames.next();
      const result = await within(next, heartbeatMs);
      if (result === 'late') {
        controller.enqueue(encoder.encode(': ping\n\n'));
        return;
      }
      next = null;
      if (result.done) controller.close();
      else controller.enqueue(encoder.encode(result.value));
    },
    async cancel() {
      abort();
      await frames.return();
    },
  });
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T | 'late'> {
  const timer = new AbortController();
  const late = delay(ms, 'late' as const, { signal: timer.signal });
  // The timer's own rejection only says that it was cancelled.
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}
