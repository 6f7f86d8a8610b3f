// AnswerEvent → the response object of /v1/responses and its items. Pure.
import type { AnswerEvent, AnswerUsage } from './answer.ts';
import { type LogprobEntry, toLogprobEntries } from './chat-logprobs.ts';
import { toTimings } from './chat-response.ts';
import type { CollectedChoice } from './collect-answer.ts';
import type { ResponseRequest } from './response-fields.ts';
import type { ServedModel } from './served-model.ts';

export type Finished = Extract<AnswerEvent, { kind: 'finished' }>;

/** Settled when the request arrives; the ids stay the same in every event. */
export type ResponseContext = {
  id: string;
  messageId: string;
  reasoningId: string;
  /** Unix time. */
  createdMs: number;
  /** Thoughts come before the text, as an item of their own; those in the middle of it are only counted. */
  thinksFirst: boolean;
  model: ServedModel;
  request: ResponseRequest;
};

export type Status = 'in_progress' | 'completed' | 'incomplete' | 'failed';
export type ErrorDetail = { code: string; message: string };

/** Thoughts have no text, so the item only says that there were some. */
export function reasoningItem({ reasoningId }: ResponseContext) {
  return { type: 'reasoning' as const, id: reasoningId, summary: [] as never[] };
}

/** @param logprobs none where the request did not ask */
export const textPart = (text: string, logprobs: readonly LogprobEntry[]) => ({
  type: 'output_text' as const,
  text,
  annotations: [] as never[],
  logprobs,
});

export function messageItem(
  { messageId }: ResponseContext,
  status: 'in_progress' | 'completed' | 'incomplete',
  content: ReturnType<typeof textPart>[],
) {
  return { type: 'message' as const, id: messageId, role: 'assistant' as const, status, content };
}

/** Whether there is a message to tell: none, where thoughts took all that the answer may have. */
export const hasMessage = ({ reason, usage }: Finished) =>
  reason === 'stop' || usage.textTokens > 0;

export const statusOf = ({ reason }: Finished) =>
  reason === 'length' ? ('incomplete' as const) : ('completed' as const);

/** Both details are required by OpenAI's clients. What goes into the cache is not told: it is kept when the answer ends. */
export function toResponseUsage({ promptTokens, cachedTokens, thoughts, textTokens }: AnswerUsage) {
  const output = thoughts + textTokens;
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: thoughts },
    total_tokens: promptTokens + output,
  };
}

export type OutputItem = ReturnType<typeof reasoningItem> | ReturnType<typeof messageItem>;

export type ResponseBody = ReturnType<typeof responseObject>;

/** A response as it stands: empty when it is created, whole when `finished` is given. */
export function responseObject(
  context: ResponseContext,
  status: Status,
  output: readonly OutputItem[],
  end: { finished: Finished | null; error: ErrorDetail | null },
) {
  const { id, createdMs, model, request } = context;
  const { finished } = end;
  const isWhole = finished !== null && status === 'completed';
  return {
    id,
    object: 'response' as const,
    created_at: toSeconds(createdMs),
    completed_at: isWhole ? toSeconds(createdMs + finished.timings.totalMs) : null,
    status,
    background: false,
    error: end.error,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' as const } : null,
    instructions: request.instructions ?? null,
    frequency_penalty: request.frequency_penalty ?? 0,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: request.max_tool_calls ?? null,
    model: model.id,
    output,
    parallel_tool_calls: false,
    presence_penalty: request.presence_penalty ?? 0,
    previous_response_id: null,
    prompt_cache_key: request.prompt_cache_key ?? null,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: null },
    safety_identifier: request.safety_identifier ?? null,
    service_tier: 'default' as const,
    store: false,
    temperature: request.temperature ?? model.samplingDefaults.temperature,
    text: { format: request.text?.format ?? { type: 'text' as const } },
    tool_choice: 'none' as const,
    tools: [] as never[],
    top_logprobs: request.top_logprobs ?? 0,
    top_p: request.top_p ?? model.samplingDefaults.topP,
    truncation: 'disabled' as const,
    usage: finished && toResponseUsage(finished.usage),
    user: request.user ?? null,
    metadata: request.metadata ?? {},
    ...(finished && { timings: toTimings(finished.timings) }),
  };
}

const toSeconds = (ms: number) => Math.floor(ms / 1000);

/** The whole response of a finished answer. */
export function finishedResponse(
  context: ResponseContext,
  { text, tokens }: Pick<CollectedChoice, 'text' | 'tokens'>,
  finished: Finished,
): ResponseBody {
  const status = statusOf(finished);
  const part = textPart(text, toLogprobEntries(tokens, context.model.tokenizer));
  const output = [
    ...(context.thinksFirst ? [reasoningItem(context)] : []),
    ...(hasMessage(finished) ? [messageItem(context, status, [part])] : []),
  ];
  return responseObject(context, status, output, { finished, error: null });
}
