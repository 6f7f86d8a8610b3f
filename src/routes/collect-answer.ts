// An answer read to its end, for whoever does not stream it: each choice whole, and what they share.
import type { ScoredToken, ThoughtTrace } from '../engine/messages.ts';
import type { Answer, AnswerEvent, AnswerToken } from './answer.ts';

export type CollectedChoice = {
  text: string;
  tokens: AnswerToken[];
  /** Empty where they were not to be scored. */
  promptTokens: ScoredToken[];
  /** The one that ended it, which is no text. */
  stopToken?: ScoredToken;
  /** Null where the request asked for no trace. */
  trace: ThoughtTrace[] | null;
  reason: 'stop' | 'length';
};

export type CollectedAnswer = {
  choices: CollectedChoice[];
  finished: Extract<AnswerEvent, { kind: 'finished' }>;
};

/** Rejects as the answer's events do. */
export async function collectAnswer({ events }: Answer, count: number): Promise<CollectedAnswer> {
  const choices = Array.from(
    { length: count },
    (): CollectedChoice => ({
      text: '',
      tokens: [],
      promptTokens: [],
      trace: null,
      reason: 'stop',
    }),
  );
  for await (const event of events) {
    if (event.kind === 'text') {
      const choice = choices[event.choice]!;
      choice.text += event.text;
      choice.tokens.push(...event.tokens);
    }
    if (event.kind === 'prompt') choices[event.choice]!.promptTokens = event.tokens;
    if (event.kind === 'trace') choices[event.choice]!.trace = event.thoughts;
    if (event.kind === 'choice-finished') {
      const { choice, reason, stopToken } = event;
      Object.assign(choices[choice]!, { reason, ...(stopToken && { stopToken }) });
    }
    if (event.kind === 'finished') return { choices, finished: event };
  }
  throw new Error('the engine ended an answer without a finished event');
}
