// What every endpoint settles in the same way: thoughts, prompt ids, and how much text still fits.
import type { GenerationRequest } from '../engine/messages.ts';
import { apiError } from '../errors.ts';
import type { PromptPiece } from '../model/chat-template.ts';
import {
  encodePieces,
  type LatentPlace,
  layoutIds,
  layoutLength,
  type PromptLayout,
} from '../model/prompt.ts';
import type { reasoningEfforts } from './chat-fields.ts';
import { type LatentStop, toStopRule } from './latent-stop.ts';
import { type SamplingFields, toSampling, toStopRules } from './sampling-fields.ts';
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

export type ThoughtFields = {
  latent_thoughts?: number | null | undefined;
  reasoning_effort?: (typeof reasoningEfforts)[number] | null | undefined;
};

/** latent_thoughts wins over reasoning_effort; without either, the checkpoint's default. */
export function settleThoughts(fields: ThoughtFields, model: ServedModel): number {
  const limits = thoughtLimits(model.config);
  const asked = fields.latent_thoughts;
  if (asked == null) {
    const effort = fields.reasoning_effort;
    return effort == null ? limits.default : Math.ceil(effortShares[effort] * limits.default);
  }
  if (asked <= limits.maximum) return asked;
  throw apiError('invalid_request', {
    param: 'latent_thoughts',
    message: `latent_thoughts: ${model.id} was trained for at most ${limits.maximum}, got ${asked}`,
  });
}

/** Each choice takes a slot, so their number bounds what one request can hold. */
export function checkChoices(
  param: string,
  asked: number | null | undefined,
  maximum: number,
): number {
  if (asked == null || asked <= maximum) return asked ?? 1;
  throw apiError('invalid_request', {
    param,
    message: `${param}: this server gives at most ${maximum} choices, got ${asked}`,
  });
}

/** Throws context_length_exceeded for a text that cannot fit, before any of it is tokenised. */
export function encodePrompt(text: string, param: string, model: ServedModel): number[] {
  return encodePromptPieces([{ text }], param, model);
}

/** The same for a rendered chat: its special tokens become ids, what only spells them stays text. */
export function encodePromptPieces(
  pieces: readonly PromptPiece[],
  param: string,
  { slotCapacity, tokenizer }: ServedModel,
): number[] {
  const limit = slotCapacity * maxCharactersPerPosition;
  const length = pieces.reduce((sum, piece) => sum + ('text' in piece ? piece.text.length : 1), 0);
  if (length <= limit) return encodePieces(tokenizer, pieces);
  throw apiError('context_length_exceeded', { param, limit, given: length, unit: 'characters' });
}

export type Prompt = {
  ids: number[];
  /** 'bare': not even the markers around no thoughts. */
  layout: 'trained' | 'bare';
  /** The request field it came in, for errors. */
  param: string;
};

/** Of thoughts and text together; null: as much as fits. */
export type TokenLimit = number | null;

type GenerationOptions = {
  prompt: Prompt;
  thoughts: number;
  place: LatentPlace;
  stop?: LatentStop;
  limit: TokenLimit;
  sampling: SamplingFields;
  logprobs: number | null;
};

/** Throws invalid_request or context_length_exceeded. */
export function toGeneration(options: GenerationOptions, model: ServedModel): GenerationRequest {
  const { prompt, limit, sampling, logprobs } = options;
  const layout =
    prompt.layout === 'bare'
      ? bareLayout(prompt.ids)
      : layoutIds(model.config, prompt.ids, options.thoughts, options.place);
  // Completion tokens count thoughts, which come first: a limit may leave no text, or not even all of them.
  const most = limit ?? Number.POSITIVE_INFINITY;
  const thoughts = { ...layout.thoughts, count: Math.min(layout.thoughts.count, most) };
  const room = roomFor({ ...layout, thoughts }, most - thoughts.count, prompt.param, model);
  const maxTokens = Math.min(most - thoughts.count, room);
  return {
    ...layout,
    thoughts: { kind: 'model', ...thoughts, ...toStopRule(options.stop, model) },
    maxTokens,
    ...toStopRules(sampling, model, maxTokens),
    sampling: toSampling(sampling, model),
    logprobs,
    returnThoughts: false,
  };
}

const bareLayout = (promptIds: number[]): PromptLayout => ({
  promptIds,
  thoughts: { count: 0 },
  suffixIds: [],
  skippedPositions: 0,
});

/** Text tokens that still fit a slot: asking for more is an upper bound, not an error. Asking for none is none. */
function roomFor(
  layout: Parameters<typeof layoutLength>[0],
  asked: number,
  param: string,
  { slotCapacity }: ServedModel,
): number {
  const used = layoutLength(layout);
  const needed = used + Math.min(asked, 1);
  if (needed <= slotCapacity) return slotCapacity - used;
  throw apiError('context_length_exceeded', { param, limit: slotCapacity, given: needed });
}
