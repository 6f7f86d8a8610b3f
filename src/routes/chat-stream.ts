// Server-sent events of one chat completion: chunks, then [DONE].
import type { Tokenizer } from '../model/tokenizer.ts';
import type { Answer } from './answer.ts';
import { toChatLogprobs } from './chat-logprobs.ts';
import { chunkWriter } from './chat-response.ts';
import { toLatentTrace } from './latent-trace.ts';
import type { ResponseHead } from './response-head.ts';
import { type Frames, frame } from './sse.ts';

type ChatStreamOptions = {
  head: ResponseHead;
  tokenizer: Tokenizer;
  choices: number;
  includeUsage: boolean;
  /** Of the prompt, where token ids are asked for. */
  promptTokenIds: number[] | null;
  /** Whether they are asked for. */
  logprobs: boolean;
};

export async function* chatFrames(
  { events }: Answer,
  { head, tokenizer, choices, includeUsage, promptTokenIds, logprobs }: ChatStreamOptions,
): Frames {
  const chunks = chunkWriter(head, includeUsage, promptTokenIds);
  for (let index = 0; index < choices; index++) yield frame(chunks.first(index));
  for await (const event of events) {
    if (event.kind === 'text') {
      const told = logprobs ? toChatLogprobs(event.tokens, tokenizer) : null;
      yield frame(chunks.text(event, told));
    }
    if (event.kind === 'trace') {
      yield frame(chunks.trace(event.choice, toLatentTrace(event.thoughts, tokenizer)));
    }
    if (event.kind === 'choice-finished') {
      yield frame(chunks.end(event.choice, event.reason, event.timings));
    }
    if (event.kind === 'finished') yield chunks.usage(event.usage).map(frame).join('');
  }
  yield 'data: [DONE]\n\n';
}
