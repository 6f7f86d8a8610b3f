// A question as the API would ask it, laid out for its checkpoint: what evaluation and looking inside send.
import { type GenerationRequest, greedySampling, type ThoughtSource } from '../engine/messages.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import { dimensionsOf } from '../model/model-config.ts';
import { type LatentPlace, layoutLength, layoutPrompt } from '../model/prompt.ts';

/** Greedy, with all the text tokens that fit. @throws where not even one does */
export function questionRequest(
  { id, config, tokenizer, eosIds }: Pick<Checkpoint, 'id' | 'config' | 'tokenizer' | 'eosIds'>,
  question: string,
  asked: ThoughtSource,
  place: LatentPlace,
): GenerationRequest {
  const layout = layoutPrompt(config, tokenizer, `${question}\n`, asked.count, place);
  const thoughts = asked.kind === 'given' ? asked : { ...asked, ...layout.thoughts };
  const { positions } = dimensionsOf(config);
  const used = layoutLength({ ...layout, thoughts });
  if (used >= positions)
    throw new Error(
      `${id}: a question needs ${used} of ${positions} positions: "${question.slice(0, 60)}…"`,
    );
  return {
    ...layout,
    thoughts,
    maxTokens: positions - used,
    stopIds: eosIds,
    minTokens: 0,
    sampling: greedySampling,
    logprobs: null,
    returnThoughts: false,
  };
}
