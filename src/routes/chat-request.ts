// ChatRequest → GenerationRequest: every default settled, every number checked against the
// checkpoint. Past this file a request can only fail for want of room in the queue.
import type { GenerationRequest } from '../engine/messages.ts';
import { apiError } from '../errors.ts';
import { ChatTemplateError, renderChat } from '../model/chat-template.ts';
import { layoutPrompt } from '../model/prompt.ts';
import type { ChatRequest, reasoningEfforts } from './chat-fields.ts';
import { toTemplateMessages } from './chat-messages.ts';
import { toSampling, toStopRules } from './sampling-fields.ts';
import { type ServedModel, thoughtLimits } from './served-model.ts';

/** No text of more characters per position is tokenised: it would not fit, and would stall others. */
const maxCharactersPerPosition = 16;

/** Share of the checkpoint's default number of thoughts, rounded up. */
const effortShares: Record<(typeof reasoningEfforts)[number], number> = {
  none: 0,
  minimal: 1 / 6,
  low: 1 / 3,
  medium: 2 / 3,
  high: 1,
  xhigh: 1,
  max: 1,
};

/** Throws invalid_request, unsupported_value or context_length_exceeded. */
export function toGenerationRequest(request: ChatRequest, model: ServedModel): GenerationRequest {
  const count = settleThoughts(request, model);
  const text = promptText(request, model);
  checkLength(text, model);
  const { promptIds, suffixIds } = layoutPrompt(model.config, model.tokenizer, text, count);
  // A pause checkpoint's fillers are prompt tokens; only real thoughts are the engine's to compute.
  const thoughts = model.config.coconut.filler === 'thought' ? count : 0;
  const maxTokens = Math.min(
    textBudget(request, thoughts),
    roomFor(promptIds.length + thoughts + suffixIds.length, model),
  );
  return {
    promptIds,
    thoughts: { kind: 'model', count: thoughts },
    suffixIds,
    maxTokens,
    ...toStopRules(request, model, maxTokens),
    sampling: toSampling(request, model),
    logprobs: request.logprobs ? (request.top_logprobs ?? 0) : null,
    returnThoughts: false,
  };
}

/** A template may refuse messages, e.g. when none is a user's. */
function promptText(request: ChatRequest, model: ServedModel): string {
  const messages = toTemplateMessages(request.messages);
  try {
    return renderChat(model.chatTemplate, messages);
  } catch (error) {
    if (!(error instanceof ChatTemplateError)) throw error;
    throw apiError('invalid_request', { param: 'messages', message: error.message });
  }
}

/** latent_thoughts wins over reasoning_effort; without either, the checkpoint's default. */
function settleThoughts(request: ChatRequest, model: ServedModel): number {
  const limits = thoughtLimits(model.config);
  const asked = request.latent_thoughts;
  if (asked == null) {
    const effort = request.reasoning_effort;
    return effort == null ? limits.default : Math.ceil(effortShares[effort] * limits.default);
  }
  if (asked <= limits.maximum) return asked;
  throw apiError('invalid_request', {
    param: 'latent_thoughts',
    message: `latent_thoughts: ${model.id} was trained for at most ${limits.maximum}, got ${asked}`,
  });
}

/** completion_tokens counts thoughts, so its limit does too. */
function textBudget(request: ChatRequest, thoughts: number): number {
  const param = request.max_completion_tokens == null ? 'max_tokens' : 'max_completion_tokens';
  const limit = request[param];
  if (limit == null) return Number.POSITIVE_INFINITY;
  if (limit > thoughts) return limit - thoughts;
  throw apiError('invalid_request', {
    param,
    message:
      `${param}: ${limit} leaves no token for text after ${thoughts} thoughts ` +
      '(lower latent_thoughts, or raise it)',
  });
}

/** Text tokens that still fit a slot: asking for more is an upper bound, not an error. */
function roomFor(used: number, { slotCapacity }: ServedModel): number {
  if (used < slotCapacity) return slotCapacity - used;
  throw apiError('context_length_exceeded', { limit: slotCapacity, given: used + 1 });
}

function checkLength(text: string, { slotCapacity }: ServedModel): void {
  const limit = slotCapacity * maxCharactersPerPosition;
  if (text.length <= limit) return;
  throw apiError('invalid_request', {
    param: 'messages',
    message: `messages: ${text.length} characters, at most ${limit} are read for ${slotCapacity} positions`,
  });
}
