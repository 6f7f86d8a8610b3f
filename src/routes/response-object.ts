// AnswerEvent → the response object of /v1/responses and its items. Pure.
import type { AnswerEvent, AnswerUsage } from './answer.ts';
import { toTimings } from './chat-response.ts';
import type { ResponseRequest } from './response-fields.ts';
import type { ServedModel } from './served-model.ts';

type Finished = Extract<AnswerEvent, { kind: 'finished' }>;

/** Settled when the request arrives; the ids stay the same in every event. */
export type ResponseContext = {
  id: string;
  messageId: string;
  reasoningId: string;
  createdSeconds: number;
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

export const textPart = (text: string) => ({
  type: 'output_text' as const,
  text,
  annotations: [] as never[],
  logprobs: [] as never[],
});

export function messageItem(
  { messageId }: ResponseContext,
  status: 'in_progress' | 'completed' | 'incomplete',
  content: ReturnType<typeof textPart>[],
) {
  return { type: 'message' as const, id: messageId, role: 'assistant' as const, status, content };
}

/** Both details are required by OpenAI's clients. */
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
  output: OutputItem[],
  end: { finished: Finished | null; error: ErrorDetail | null },
) {
  const { id, createdSeconds, model, request } = context;
  return {
    id,
    object: 'response' as const,
    created_at: createdSeconds,
    status,
    background: false,
    error: end.error,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' as const } : null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    model: model.id,
    output,
    parallel_tool_calls: false,
    previous_response_id: null,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: null },
    service_tier: 'default' as const,
    store: false,
    temperature: request.temperature ?? model.samplingDefaults.temperature,
    text: { format: request.text?.format ?? { type: 'text' as const } },
    tool_choice: 'none' as const,
    tools: [] as never[],
    top_p: request.top_p ?? model.samplingDefaults.topP,
    truncation: 'disabled' as const,
    usage: end.finished && toResponseUsage(end.finished.usage),
    metadata: request.metadata ?? {},
    ...(end.finished && { timings: toTimings(end.finished.timings) }),
  };
}

/** The whole response of a finished answer. */
export function finishedResponse(
  context: ResponseContext,
  text: string,
  finished: Finished,
): ResponseBody {
  const status = finished.reason === 'length' ? 'incomplete' : 'completed';
  const reasoning = context.thinksFirst ? [reasoningItem(context)] : [];
  const output = [...reasoning, messageItem(context, status, [textPart(text)])];
  return responseObject(context, status, output, { finished, error: null });
}
