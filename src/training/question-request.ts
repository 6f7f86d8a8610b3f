// A question as the API would ask it, laid out as its checkpoint was trained: what evaluation and looking inside send.
import { type GenerationRequest, greedySampling, type ThoughtSource } from '../engine/messages.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import { dimensionsOf } from '../model/model-config.ts';
import { layoutPrompt } from '../model/prompt.ts';

/** Greedy, with all the text tokens that fit. @throws where not even one does */
export function questionRequest(
  { id, config, tokenizer, eosIds }: Checkpoint,
  question: string,
  asked: ThoughtSource,
): GenerationRequest {
  const layout = layoutPrompt(config, tokenizer, `${question}\n`, asked.count);
  const { promptIds, suffixIds, skippedPositions } = layout;
  const thoughts = asked.kind === 'given' ? asked : { ...asked, ...layout.thoughts };
  const { positions } = dimensionsOf(config);
  const used = promptIds.length + thoughts.count + skippedPositions + suffixIds.length;
  if (used >= positions)
    throw new Error(`${id}: a question needs ${used} of ${positions} positions`);
  return {
    promptIds,
    thoughts,
    suffixIds,
    skippedPositions,
    maxTokens: positions - used,
    stopIds: eosIds,
    minTokens: 0,
    sampling: greedySampling,
    logprobs: null,
    returnThoughts: false,
  };
}
