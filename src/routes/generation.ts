// What every endpoint settles in the same way: thoughts, prompt ids, and how much text still fits.
import type { GenerationRequest } from '../engine/messages.ts';
import { apiError } from '../errors.ts';
import type { PromptPiece } from '../model/chat-template.ts';
import { encodePieces, layoutIds, layoutLength, type PromptLayout } from '../model/prompt.ts';
import { settlePlace } from './latent-after.ts';
import type { LatentFields } from './latent-fields.ts';
import { toStopRule } from './latent-stop.ts';
import { checkParallel } from './parallel-thoughts.ts';
import { type SamplingFields, toSampling, toStopRules } from './sampling-fields.ts';
import type { ServedModel } from './served-model.ts';

/** No text of more characters per position is tokenised: it would not fit, and would stall others. */
const maxCharactersPerPosition = 16;

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
  latent: Omit<LatentFields, 'latent_thoughts' | 'thinking_token_budget'>;
  limit: TokenLimit;
  sampling: SamplingFields;
  logprobs: number | null;
};

/** Throws invalid_request, unsupported_value or context_length_exceeded. */
export function toGeneration(options: GenerationOptions, model: ServedModel): GenerationRequest {
  const { prompt, latent, limit, sampling, logprobs } = options;
  checkParallel(latent, model);
  const place = settlePlace(latent.latent_after, model);
  const layout =
    prompt.layout === 'bare'
      ? bareLayout(prompt.ids)
      : layoutIds(model.config, prompt.ids, options.thoughts, place);
  // Completion tokens count thoughts, which come first: a limit may leave no text, or not even all of them.
  const most = limit ?? Number.POSITIVE_INFINITY;
  const thoughts = { ...layout.thoughts, count: Math.min(layout.thoughts.count, most) };
  const asked = most - thoughts.count;
  const room = roomFor(layoutLength({ ...layout, thoughts }), asked, prompt.param, model);
  const maxTokens = Math.min(asked, room);
  return {
    ...layout,
    thoughts: {
      kind: 'model',
      ...thoughts,
      ...toStopRule(latent.latent_stop, model),
      ...(latent.latent_control && { control: latent.latent_control }),
    },
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
  used: number,
  asked: number,
  param: string,
  { slotCapacity }: ServedModel,
): number {
  const needed = used + Math.min(asked, 1);
  if (needed <= slotCapacity) return slotCapacity - used;
  throw apiError('context_length_exceeded', { param, limit: slotCapacity, given: needed });
}
