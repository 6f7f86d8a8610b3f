// AnswerEvent → OpenAI's chat.completion, chat.completion.chunk and usage objects. Pure.
import type { AnswerEvent, AnswerTimings, AnswerUsage } from './answer.ts';
import type { ChatLogprobs } from './chat-logprobs.ts';
import type { LatentTrace } from './latent-trace.ts';
import type { ResponseHead } from './response-head.ts';

type Finished = Extract<AnswerEvent, { kind: 'finished' }>;

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
  /** Null where they were not asked for, as in all of these. */
  tokenIds: number[] | null;
};

export function toCompletion(
  head: ResponseHead,
  choices: readonly Choice[],
  { usage, timings }: Finished,
  asked: { metadata: Record<string, string> | null; promptTokenIds: number[] | null },
) {
  return {
    ...head,
    object: 'chat.completion',
    choices: choices.map(({ content, trace, logprobs, reason, tokenIds }, index) => {
      const message = { role: 'assistant', content, refusal: null, ...trace };
      const ids = tokenIds && { token_ids: tokenIds };
      return { index, message, logprobs, finish_reason: reason, ...ids };
    }),
    usage: toUsage(usage),
    timings: toTimings(timings),
    ...(asked.promptTokenIds && { prompt_token_ids: asked.promptTokenIds }),
    ...(asked.metadata && { metadata: asked.metadata }),
  };
}

type Delta = { role?: 'assistant'; content?: string } & Partial<LatentTrace>;
type ChunkEnd = {
  logprobs: ChatLogprobs;
  finish_reason: 'stop' | 'length' | null;
  token_ids?: number[];
};

type Text = Extract<AnswerEvent, { kind: 'text' }>;

/**
 * Every chunk of one stream; with `includeUsage` each carries a usage, null but in the last. With the
 * prompt's token ids, the first ones tell them, and those with text the text's.
 */
export function chunkWriter(
  head: ResponseHead,
  includeUsage: boolean,
  promptTokenIds: number[] | null,
) {
  const base = { ...head, object: 'chat.completion.chunk' };
  const chunk = (index: number, delta: Delta, { logprobs, finish_reason, ...ids }: ChunkEnd) => ({
    ...base,
    choices: [{ index, delta, logprobs, finish_reason, ...ids }],
    ...(includeUsage && { usage: null }),
  });
  const goesOn = { logprobs: null, finish_reason: null };
  return {
    first: (index: number) => ({
      ...chunk(index, { role: 'assistant', content: '' }, goesOn),
      ...(promptTokenIds && { prompt_token_ids: promptTokenIds }),
    }),
    trace: (index: number, trace: LatentTrace) => chunk(index, trace, goesOn),
    text: ({ choice, text, tokens }: Text, logprobs: ChatLogprobs) => {
      const ids = promptTokenIds && { token_ids: tokens.map(({ tokenId }) => tokenId) };
      return chunk(choice, { content: text }, { logprobs, finish_reason: null, ...ids });
    },
    end: (index: number, finish_reason: 'stop' | 'length', timings: AnswerTimings) => ({
      ...chunk(index, {}, { logprobs: null, finish_reason }),
      timings: toTimings(timings),
    }),
    usage: (usage: AnswerUsage) =>
      includeUsage ? [{ ...base, choices: [], usage: toUsage(usage) }] : [],
  };
}
