// ChatRequest → GenerationRequest: every default settled, every number checked against the
// checkpoint. Past this file a request can only fail for want of room in the queue.
import type { GenerationRequest } from '../engine/messages.ts';
import type { ChatRequest } from './chat-fields.ts';
import { toTemplateMessages } from './chat-messages.ts';
import { chatPrompt } from './chat-prompt.ts';
import { toGeneration } from './generation.ts';
import { checkFormat } from './latent-after.ts';
import { settleThoughts } from './latent-fields.ts';
import { defaultTraceWords } from './latent-trace.ts';
import { settleFormat } from './response-format.ts';
import type { ServedModel } from './served-model.ts';

/** Throws invalid_request, unsupported_value or context_length_exceeded. */
export function toGenerationRequest(request: ChatRequest, model: ServedModel): GenerationRequest {
  const generation = toGeneration(
    {
      prompt: chatPrompt(toTemplateMessages(request.messages), 'messages', model),
      thoughts: settleThoughts(request, model),
      latent: request,
      limit: request.max_completion_tokens ?? request.max_tokens ?? null,
      sampling: request,
      logprobs: request.logprobs ? (request.top_logprobs ?? 0) : null,
    },
    model,
  );
  const { latent_trace: trace } = request;
  const format = settleFormat(request.response_format, 'response_format', request);
  checkFormat({ ...generation, ...format }, 'response_format');
  return {
    ...generation,
    ...format,
    ...(trace && { traceWords: trace === true ? defaultTraceWords : trace.top_k }),
  };
}
