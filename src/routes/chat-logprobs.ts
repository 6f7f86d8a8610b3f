// Sampled tokens → OpenAI's log probabilities, of a chat choice and of a response's text. Pure.
import type { TokenLogprob } from '../engine/messages.ts';
import { type Tokenizer, tokenText } from '../model/tokenizer.ts';
import type { AnswerToken } from './answer.ts';

type Entry = { token: string; logprob: number; bytes: number[] };
export type LogprobEntry = Entry & { top_logprobs: Entry[] };
/** Null where the request did not ask. */
export type ChatLogprobs = { content: LogprobEntry[]; refusal: null } | null;

/**
 * One per text token that is billed, so the answer marker and a stop string have theirs although they are not part of
 * the text. None where the request did not ask.
 */
export function toLogprobEntries(
  tokens: readonly AnswerToken[],
  tokenizer: Pick<Tokenizer, 'bytesOf'>,
): LogprobEntry[] {
  const entry = ({ tokenId, logprob }: TokenLogprob): Entry => ({
    token: tokenText(tokenizer, tokenId),
    logprob,
    bytes: [...tokenizer.bytesOf(tokenId)],
  });
  return tokens.flatMap(({ tokenId, logprobs }) => {
    if (!logprobs) return [];
    const { logprob, top } = logprobs;
    return [{ ...entry({ tokenId, logprob }), top_logprobs: top.map(entry) }];
  });
}

/** Empty where there is no text. */
export function toChatLogprobs(
  tokens: readonly AnswerToken[],
  tokenizer: Pick<Tokenizer, 'bytesOf'>,
): NonNullable<ChatLogprobs> {
  return { content: toLogprobEntries(tokens, tokenizer), refusal: null };
}
