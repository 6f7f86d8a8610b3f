// ChatRequest → GenerationRequest: every default settled, every number checked against the
// checkpoint. Past this file a request can only fail for want of room in the queue.
import type { GenerationRequest } from '../engine/messages.ts';
import { apiError } from '../errors.ts';
import {
  ChatTemplateError,
  renderChatPieces,
  type TemplateMessage,
} from '../model/chat-template.ts';
import type { ChatRequest } from './chat-fields.ts';
import { toTemplateMessages } from './chat-messages.ts';
import { encodePromptPieces, type Prompt, settleThoughts, toGeneration } from './generation.ts';
import { checkFormat, settlePlace } from './latent-after.ts';
import { defaultTraceWords } from './latent-trace.ts';
import { checkParallel } from './parallel-thoughts.ts';
import { settleFormat } from './response-format.ts';
import type { ServedModel } from './served-model.ts';

/** Throws invalid_request, unsupported_value or context_length_exceeded. */
export function toGenerationRequest(request: ChatRequest, model: ServedModel): GenerationRequest {
  checkParallel(request, model);
  const generation = toGeneration(
    {
      thoughts: settleThoughts(request, model),
      prompt: chatPrompt(toTemplateMessages(request.messages), 'messages', model),
      place: settlePlace(request.latent_after, model),
      stop: request.latent_stop,
      limit: request.max_completion_tokens ?? request.max_tokens ?? null,
      sampling: request,
      logprobs: request.logprobs ? (request.top_logprobs ?? 0) : null,
    },
    model,
  );
  const { latent_trace: trace, latent_control: control } = request;
  const format = settleFormat(request.response_format, 'response_format', request);
  checkFormat({ ...generation, ...format }, 'response_format');
  return {
    ...generation,
    ...format,
    thoughts: { ...generation.thoughts, ...(control && { control }) },
    ...(trace && { traceWords: trace === true ? defaultTraceWords : trace.top_k }),
  };
}

/** Controls spoil answers on purpose, so a server must have been told to allow them. */
export function checkControl({ latent_control }: ChatRequest, allowed: boolean): void {
  if (latent_control == null || allowed) return;
  const reason = 'It is for experiments: this server runs without ALLOW_LATENT_CONTROL.';
  throw apiError('unsupported_parameter', { param: 'latent_control', reason });
}

/** A template may refuse messages, e.g. when none is a user's: that is invalid_request. */
export function chatPrompt(messages: TemplateMessage[], param: string, model: ServedModel): Prompt {
  try {
    const { chatTemplate, tokenizer } = model;
    const pieces = renderChatPieces(chatTemplate, messages, tokenizer.specials, namesOf(model));
    return { ids: encodePromptPieces(pieces, param, model), layout: 'trained', param };
  } catch (error) {
    if (!(error instanceof ChatTemplateError)) throw error;
    throw apiError('invalid_request', { param, message: error.message });
  }
}

/** What templates call the tokens that begin and end a text. */
function namesOf({ config, tokenizer }: ServedModel): Record<string, string> {
  const { bos_token_id, eos_token_id } = config;
  return {
    bos_token: bos_token_id === null ? '' : tokenizer.tokenOf(bos_token_id),
    eos_token: tokenizer.tokenOf(eos_token_id),
  };
}
