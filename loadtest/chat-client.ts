// One streamed chat completion, timed at the client. Times are milliseconds after the request was sent.
import { sseData } from './sse.ts';

export type ChatTarget = {
  url: URL;
  model: string;
  maxTokens: number;
  /** Thoughts per request; null: the checkpoint's default. */
  thoughts: number | null;
  apiKey: string | null;
  timeoutMs: number;
};

export type Answered = {
  kind: 'answered';
  /** First visible text, after all thoughts. */
  firstTextMs: number;
  lastTextMs: number;
  totalMs: number;
  thoughts: number;
  textTokens: number;
  /** The server's own: thinking alone, without queue, prefill and network. */
  latentMs: number;
};

export type Failed = { kind: 'failed'; totalMs: number; error: string };
export type Outcome = Answered | Failed;

type Chunk = {
  error?: { code: string };
  choices?: { delta: { content?: string }; finish_reason: string | null }[];
  timings?: { latent_ms: number };
  usage?: { completion_tokens: number; completion_tokens_details: { reasoning_tokens: number } };
};

/**
 * Never rejects: what goes wrong is an outcome too.
 * @param cancel aborting it hangs up, which is a failure with the error 'cancelled'
 */
export async function streamChat(
  target: ChatTarget,
  prompt: string,
  cancel?: AbortSignal,
): Promise<Outcome> {
  const started = performance.now();
  const sinceStart = () => performance.now() - started;
  try {
    const response = await post(target, prompt, cancel);
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      return { kind: 'failed', totalMs: sinceStart(), error: `status ${response.status}` };
    }
    return await readStream(response.body, sinceStart);
  } catch (error) {
    if (cancel?.aborted) return { kind: 'failed', totalMs: sinceStart(), error: 'cancelled' };
    const { name, message, cause } = error as Error & { cause?: { code?: string } };
    const reason = name === 'TimeoutError' ? 'timeout' : (cause?.code ?? message);
    return { kind: 'failed', totalMs: sinceStart(), error: reason };
  }
}

function post(target: ChatTarget, prompt: string, cancel?: AbortSignal): Promise<Response> {
  const timeout = AbortSignal.timeout(target.timeoutMs);
  const body = {
    model: target.model,
    messages: [{ role: 'user', content: prompt }],
    max_completion_tokens: target.maxTokens,
    stream: true,
    stream_options: { include_usage: true },
    ...(target.thoughts !== null && { latent_thoughts: target.thoughts }),
  };
  return fetch(new URL('/v1/chat/completions', target.url), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(target.apiKey && { authorization: `Bearer ${target.apiKey}` }),
    },
    body: JSON.stringify(body),
    signal: cancel ? AbortSignal.any([cancel, timeout]) : timeout,
  });
}

async function readStream(
  body: AsyncIterable<Uint8Array>,
  sinceStart: () => number,
): Promise<Outcome> {
  const failed = (error: string): Failed => ({ kind: 'failed', totalMs: sinceStart(), error });
  let firstTextMs: number | null = null;
  let lastTextMs = 0;
  let latentMs = 0;
  let usage: Chunk['usage'];
  for await (const data of sseData(body)) {
    if (data === '[DONE]') {
      if (firstTextMs === null) return failed('no text');
      if (!usage) return failed('no usage');
      const thoughts = usage.completion_tokens_details.reasoning_tokens;
      const textTokens = usage.completion_tokens - thoughts;
      const times = { firstTextMs, lastTextMs, latentMs, totalMs: sinceStart() };
      return { kind: 'answered', ...times, thoughts, textTokens };
    }
    const chunk = JSON.parse(data) as Chunk;
    if (chunk.error) return failed(chunk.error.code);
    if (chunk.choices?.[0]?.delta.content) {
      lastTextMs = sinceStart();
      firstTextMs ??= lastTextMs;
    }
    latentMs = chunk.timings?.latent_ms ?? latentMs;
    usage = chunk.usage ?? usage;
  }
  return failed('stream ended without [DONE]');
}
