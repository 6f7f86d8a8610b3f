// AnswerEvent → the text_completion objects of /v1/completions, plain and streamed. Pure.
import type { AnswerEvent, AnswerToken, AnswerUsage } from './answer.ts';
import { toUsage } from './chat-response.ts';
import type { CompletionLogprobs } from './completion-logprobs.ts';
import type { ResponseHead } from './response-head.ts';

type FinishReason = Extract<AnswerEvent, { kind: 'finished' }>['reason'];

/** The `count` likeliest by their tokens' mean log probability, likeliest first; of equals the first. */
export function likeliestChoices<C extends { tokens: readonly AnswerToken[] }>(
  choices: readonly C[],
  count: number,
): C[] {
  if (count === choices.length) return [...choices];
  const mean = ({ tokens }: C) =>
    tokens.reduce((sum, { logprobs }) => sum + (logprobs?.logprob ?? 0), 0) / tokens.length;
  // An answer without a token has no mean: it is none that was asked for.
  const rank = (choice: C) =>
    choice.tokens.length === 0 ? Number.NEGATIVE_INFINITY : mean(choice);
  return choices.toSorted((a, b) => rank(b) - rank(a) || 0).slice(0, count);
}

export type CompletionChoice = {
  text: string;
  index: number;
  logprobs: CompletionLogprobs;
  finish_reason: FinishReason | null;
  /** Both only where they were asked for. */
  token_ids?: number[];
  prompt_token_ids?: number[];
};

/** A plain completion, a chunk with its one choice, or the last chunk with the usage alone. */
export function toTextCompletion(
  { id, created, model, system_fingerprint }: ResponseHead,
  choices: CompletionChoice[],
  usage: { usage: ReturnType<typeof toUsage> | null } | Record<string, never>,
) {
  const head = { id, created, model, system_fingerprint };
  return { ...head, object: 'text_completion' as const, choices, ...usage };
}

/** Of all prompts of one request together. */
export function sumUsage(usages: readonly AnswerUsage[]): ReturnType<typeof toUsage> {
  const sum = (key: keyof AnswerUsage) => usages.reduce((total, usage) => total + usage[key], 0);
  return toUsage({
    promptTokens: sum('promptTokens'),
    cachedTokens: sum('cachedTokens'),
    thoughts: sum('thoughts'),
    textTokens: sum('textTokens'),
  });
}
