// Sampled tokens → OpenAI's logprobs object of a chat choice. Pure.
import type { TokenLogprob } from '../engine/messages.ts';
import type { Tokenizer } from '../model/tokenizer.ts';
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
  const entry = ({ tokenId, logprob }: TokenLogprob): Entry => {
    const bytes = tokenizer.bytesOf(tokenId);
    // A token may hold part of a character: its text then shows U+FFFD, its bytes the truth.
    return { token: new TextDecoder().decode(bytes), logprob, bytes: [...bytes] };
  };
  const content = tokens.flatMap(({ tokenId, logprobs }) => {
    if (!logprobs) return [];
    const { logprob, top } = logprobs;
    return [{ ...entry({ tokenId, logprob }), top_logprobs: top.map(entry) }];
  });
  return content.length > 0 ? { content, refusal: null } : null;
}
