// latent_trace of an answer: what the LM head reads out of each thought, gathered before the text,
// as an object and in words.
import type { ThoughtTrace } from '../engine/messages.ts';
import { type Tokenizer, tokenText } from '../model/tokenizer.ts';
import type { ChoiceEvent } from './answer.ts';

/** Words of each thought where a request only says `true`. */
export const defaultTraceWords = 5;

/** Tells the traces once, after the last thought; nothing more where there are none. */
export async function* gatherTraces(
  events: AsyncIterable<ChoiceEvent>,
): AsyncGenerator<ChoiceEvent, void, undefined> {
  const traces: ThoughtTrace[] = [];
  for await (const event of events) {
    if (event.kind === 'thought' && event.trace) traces.push(event.trace);
    if (event.kind !== 'thought' && traces.length > 0) {
      yield { kind: 'trace', thoughts: traces.splice(0) };
    }
    yield event;
  }
}

/** The message's (or delta's) fields; `reasoning` and its older name are for clients that show text. */
export function toLatentTrace(
  thoughts: readonly ThoughtTrace[],
  tokenizer: Pick<Tokenizer, 'bytesOf'>,
) {
  const wordOf = (id: number) => tokenText(tokenizer, id);
  const latentTrace = thoughts.map(({ words, norm, cosine }) => ({
    words: words.map(({ tokenId, probability }) => ({ token: wordOf(tokenId), probability })),
    norm,
    cosine,
  }));
  const reasoning = thoughts
    .map(({ words }, index) => {
      const told = words.map(({ tokenId, probability }) => {
        return `${JSON.stringify(wordOf(tokenId))} ${probability.toFixed(3)}`;
      });
      return `Thought ${index + 1}: ${told.join(', ')}`;
    })
    .join('\n');
  return { latent_trace: latentTrace, reasoning, reasoning_content: reasoning };
}

export type LatentTrace = ReturnType<typeof toLatentTrace>;
