// Lays a prompt out as its checkpoint was trained (Coconut, arXiv 2412.06769, section 3): which ids
// stand before the thoughts and which between the thoughts and the answer. Markers enter here, as
// ids, and nowhere else: text cannot spell them.
import type { PromptPiece } from './chat-template.ts';
import type { ModelConfig } from './model-config.ts';
import type { Tokenizer } from './tokenizer.ts';

export type PromptLayout = {
  /** Ids before the first thought. */
  promptIds: number[];
  /** Forced ids between the last thought and the answer. */
  suffixIds: number[];
};

/**
 * `thoughts` is the request's count. With filler "thought" the markers stay at 0 thoughts (the
 * method's own k = 0); with "pause" it counts pause tokens; with "none" it must be 0.
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
  const { filler, bot_token_id, eot_token_id, pause_token_id } = config.coconut;
  switch (filler) {
    case 'none':
      if (thoughts > 0) throw new RangeError(`filler "none" takes no thoughts, got ${thoughts}`);
      return { promptIds: ids, suffixIds: [] };
    case 'thought':
      return {
        promptIds: [...ids, marker(bot_token_id, 'bot_token_id')],
        suffixIds: [marker(eot_token_id, 'eot_token_id')],
      };
    case 'pause': {
      const pause = marker(pause_token_id, 'pause_token_id');
      return { promptIds: [...ids, ...Array<number>(thoughts).fill(pause)], suffixIds: [] };
    }
  }
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
