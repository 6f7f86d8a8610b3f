// Sampled tokens → OpenAI's logprobs object of a chat choice. Pure.
import type { TokenLogprob } from '../engine/messages.ts';
import { type Tokenizer, tokenText } from '../model/tokenizer.ts';
import type { AnswerToken } from './answer.ts';

type Entry = { token: string; logprob: number; bytes: number[] };
export type ChatLogprobs = {
  content: (Entry & { top_logprobs: Entry[] })[];
  refusal: null;
} | null;

/**
 * Null where the request did not ask. One entry per text token that is billed, so the answer marker
 * and a stop string have theirs although they are not part of the content.
 */
export function toChatLogprobs(
  tokens: readonly AnswerToken[],
  tokenizer: Pick<Tokenizer, 'bytesOf'>,
): ChatLogprobs {
  const entry = ({ tokenId, logprob }: TokenLogprob): Entry => ({
    token: tokenText(tokenizer, tokenId),
    logprob,
    bytes: [...tokenizer.bytesOf(tokenId)],
  });
  const content = tokens.flatMap(({ tokenId, logprobs }) => {
    if (!logprobs) return [];
    const { logprob, top } = logprobs;
    return [{ ...entry({ tokenId, logprob }), top_logprobs: top.map(entry) }];
  });
  return content.length > 0 ? { content, refusal: null } : null;
}
