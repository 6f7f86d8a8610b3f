// Lays a prompt out as its checkpoint was trained (Coconut, arXiv 2412.06769, section 3): which ids
// stand before the thoughts and which between the thoughts and the answer. Markers enter here, as
// ids, and nowhere else: text cannot spell them.
import type { PromptPiece } from './chat-template.ts';
import { fillers } from './fillers.ts';
import type { ModelConfig } from './model-config.ts';
import type { Tokenizer } from './tokenizer.ts';

/**
 * Thoughts in the middle of an answer: <bot>, thoughts, <eot>, which are neither text nor part of the prompt. An answer
 * that ends before has no thoughts; none has them twice.
 */
export type LatentEntry = {
  botId: number;
  eotId: number;
  /** Forced after so many lines of text; null: where the model writes <bot>. */
  afterLines: number | null;
  /** Tokens that end a line. */
  lineEndIds: readonly number[];
};

export type PromptLayout = {
  /** Ids before the first thought; where those come in the answer, all before the answer. */
  promptIds: number[];
  /** What the engine is to think; a control's checkpoint was taught to go on from zeros instead. */
  thoughts: { count: number; control?: 'zero' };
  /** Forced ids between the last thought and the answer. */
  suffixIds: number[];
  /** Positions left out before the suffix. */
  skippedPositions: number;
  /** Where thoughts come in the middle of the answer. */
  latentEntry?: LatentEntry;
};

/** Where thoughts come: right after the prompt, where the model writes <bot>, or after reasoning steps, a line each. */
export type LatentPlace =
  | { kind: 'question' }
  | { kind: 'model' }
  | { kind: 'steps'; count: number; lineEndIds: readonly number[] };

/** Where the checkpoint was taught to have them. */
export const trainedPlace = ({ coconut }: ModelConfig): LatentPlace =>
  coconut.word_steps > 0 ? { kind: 'model' } : { kind: 'question' };

/** Ids that come whatever the model writes: behind the thoughts, or around those in the middle of the answer. */
export function forcedIds({
  suffixIds,
  latentEntry,
}: Pick<PromptLayout, 'suffixIds'> & { latentEntry?: LatentEntry | undefined }): readonly number[] {
  return latentEntry ? [latentEntry.botId, latentEntry.eotId] : suffixIds;
}

/** Positions of all that is no text of the answer. */
export function layoutLength(
  layout: Pick<PromptLayout, 'promptIds' | 'suffixIds' | 'latentEntry'> & {
    thoughts: { count: number };
    skippedPositions?: number;
  },
): number {
  const { promptIds, thoughts, suffixIds, skippedPositions = 0, latentEntry } = layout;
  const forced = forcedIds({ suffixIds, latentEntry });
  return promptIds.length + thoughts.count + skippedPositions + forced.length;
}

/**
 * `thoughts` is the request's count. Markers stay at 0 thoughts (the method's own k = 0); pauses are tokens of the
 * prompt, whatever passes they were trained in; with filler "none" it must be 0.
 */
export function layoutPrompt(
  config: ModelConfig,
  tokenizer: Tokenizer,
  text: string,
  thoughts: number,
  place: LatentPlace,
): PromptLayout {
  return layoutIds(config, tokenizer.encode(text), thoughts, place);
}

/** The same for a prompt that is token ids already. */
export function layoutIds(
  config: ModelConfig,
  ids: number[],
  thoughts: number,
  place: LatentPlace,
): PromptLayout {
  if (!Number.isInteger(thoughts) || thoughts < 0) {
    throw new RangeError(`thoughts must be a whole number from 0, got ${thoughts}`);
  }
  if (place.kind !== 'question') return entryLayout(config, ids, thoughts, place);
  const { filler, bot_token_id, eot_token_id, pause_token_id, skipped_positions } = config.coconut;
  const { isMarked, slot } = fillers[filler];
  if (slot === null && thoughts > 0)
    throw new RangeError(`filler "${filler}" takes no thoughts, got ${thoughts}`);
  const pauses = slot === 'pause' ? thoughts : 0;
  return {
    promptIds: [
      ...ids,
      ...(isMarked ? [marker(bot_token_id, 'bot_token_id')] : []),
      ...(pauses > 0 ? Array<number>(pauses).fill(marker(pause_token_id, 'pause_token_id')) : []),
    ],
    thoughts: { count: thoughts - pauses, ...(slot === 'zero' && { control: 'zero' }) },
    suffixIds: isMarked ? [marker(eot_token_id, 'eot_token_id')] : [],
    skippedPositions: skipped_positions,
  };
}

function entryLayout(
  { coconut: { filler, bot_token_id, eot_token_id } }: ModelConfig,
  promptIds: number[],
  thoughts: number,
  place: Exclude<LatentPlace, { kind: 'question' }>,
): PromptLayout {
  if (filler !== 'thought') throw new RangeError(`filler "${filler}" comes before all text`);
  const botId = marker(bot_token_id, 'bot_token_id');
  const eotId = marker(eot_token_id, 'eot_token_id');
  const { count: afterLines, lineEndIds } =
    place.kind === 'steps' ? place : { count: null, lineEndIds: [] };
  const latentEntry = { botId, eotId, afterLines, lineEndIds };
  const nothingElse = { suffixIds: [], skippedPositions: 0 };
  return { promptIds, thoughts: { count: thoughts }, ...nothingElse, latentEntry };
}

/** Throws where a special piece is no token: the template is for another tokenizer. */
export function encodePieces(tokenizer: Tokenizer, pieces: readonly PromptPiece[]): number[] {
  return pieces.flatMap((piece) => {
    if ('text' in piece) return tokenizer.encode(piece.text);
    const id = tokenizer.specialId(piece.special);
    if (id === null) throw new Error(`"${piece.special}" is no special token of this tokenizer`);
    return [id];
  });
}

/** model-config.ts has checked it; the type cannot say so. */
function marker(id: number | null, name: string): number {
  if (id === null) throw new Error(`config.json: coconut.${name} is null`);
  return id;
}
