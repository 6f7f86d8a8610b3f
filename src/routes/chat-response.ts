// AnswerEvent → OpenAI's chat.completion, chat.completion.chunk and usage objects. Pure.
import type { AnswerEvent, AnswerTimings, AnswerUsage } from './answer.ts';
import type { ChatLogprobs } from './chat-logprobs.ts';
import type { LatentTrace } from './latent-trace.ts';

type Finished = Extract<AnswerEvent, { kind: 'finished' }>;

/** What every object of one response shares. */
export type ResponseHead = {
  id: string;
  created: number;
  model: string;
  system_fingerprint: string;
  service_tier: 'default';
};

/** OpenAI's usage: thoughts are reasoning tokens, and completion_tokens includes them. */
export function toUsage({ promptTokens, cachedTokens, thoughts, textTokens }: AnswerUsage) {
  const completionTokens = thoughts + textTokens;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: thoughts,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** Where the time went: an extension, beside OpenAI's fields. Milliseconds. */
export function toTimings(timings: AnswerTimings) {
  const upToMicroseconds = (ms: number) => Math.round(ms * 1000) / 1000;
  return {
    queue_ms: upToMicroseconds(timings.queueMs),
    prefill_ms: upToMicroseconds(timings.prefillMs),
    latent_ms: upToMicroseconds(timings.latentMs),
    decode_ms: upToMicroseconds(timings.decodeMs),
    time_to_first_token_ms: timings.firstTextMs && upToMicroseconds(timings.firstTextMs),
    total_ms: upToMicroseconds(timings.totalMs),
  };
}

type Choice = {
  content: string;
  trace: LatentTrace | null;
  logprobs: ChatLogprobs;
  reason: 'stop' | 'length';
};

export function toCompletion(
  head: ResponseHead,
  choices: readonly Choice[],
  { usage, timings }: Finished,
  metadata: Record<string, string> | null,
) {
  return {
    ...head,
    object: 'chat.completion',
    choices: choices.map(({ content, trace, logprobs, reason }, index) => {
      const message = { role: 'assistant', content, refusal: null, ...trace };
      return { index, message, logprobs, finish_reason: reason };
    }),
    usage: toUsage(usage),
    timings: toTimings(timings),
    ...(metadata && { metadata }),
  };
}

type Delta = { role?: 'assistant'; content?: string } & Partial<LatentTrace>;
type ChunkEnd = { logprobs: ChatLogprobs; finish_reason: 'stop' | 'length' | null };

/** Every chunk of one stream; with `includeUsage` each carries a usage, null but in the last. */
export function chunkWriter(head: ResponseHead, includeUsage: boolean) {
  const base = { ...head, object: 'chat.completion.chunk' };
  const chunk = (index: number, delta: Delta, { logprobs, finish_reason }: ChunkEnd) => ({
    ...base,
    choices: [{ index, delta, logprobs, finish_reason }],
    ...(includeUsage && { usage: null }),
  });
  const goesOn = { logprobs: null, finish_reason: null };
  return {
    first: (index: number) => chunk(index, { role: 'assistant', content: '' }, goesOn),
    trace: (index: number, trace: LatentTrace) => chunk(index, trace, goesOn),
    text: (index: number, content: string, logprobs: ChatLogprobs) =>
      chunk(index, { content }, { logprobs, finish_reason: null }),
    end: (index: number, finish_reason: 'stop' | 'length', timings: AnswerTimings) => ({
      ...chunk(index, {}, { logprobs: null, finish_reason }),
      timings: toTimings(timings),
    }),
    usage: (usage: AnswerUsage) =>
      includeUsage ? [{ ...base, choices: [], usage: toUsage(usage) }] : [],
  };
}
