// Lays a prompt out as its checkpoint was trained (Coconut, arXiv 2412.06769, section 3): which ids
// stand before the thoughts and which between the thoughts and the answer. Markers enter here, as
// ids, and nowhere else: text cannot spell them.
import type { PromptPiece } from './chat-template.ts';
import { fillers } from './fillers.ts';
import type { ModelConfig } from './model-config.ts';
import type { Tokenizer } from './tokenizer.ts';

export type PromptLayout = {
  /** Ids before the first thought. */
  promptIds: number[];
  /** What the engine is to think; a control's checkpoint was taught to go on from zeros instead. */
  thoughts: { count: number; control?: 'zero' };
  /** Forced ids between the last thought and the answer. */
  suffixIds: number[];
  /** Positions left out before the suffix. */
  skippedPositions: number;
};

/**
 * `thoughts` is the request's count. Markers stay at 0 thoughts (the method's own k = 0); pauses are tokens of the
 * prompt, whatever passes they were trained in; with filler "none" it must be 0.
 */
export function layoutPrompt(
  config: ModelConfig,
  tokenizer: Tokenizer,
  text: string,
  thoughts: number,
): PromptLayout {
  return layoutIds(config, tokenizer.encode(text), thoughts);
}

/** The same for a prompt that is token ids already. */
export function layoutIds(config: ModelConfig, ids: number[], thoughts: number): PromptLayout {
  if (!Number.isInteger(thoughts) || thoughts < 0) {
    throw new RangeError(`thoughts must be a whole number from 0, got ${thoughts}`);
  }
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
