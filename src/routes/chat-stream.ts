// Server-sent events of one chat completion: chunks, [DONE], or one error object and the end.
import { type ApiError, toApiError, toErrorBody } from '../errors.ts';
import type { Tokenizer } from '../model/tokenizer.ts';
import type { Answer } from './answer.ts';
import { toChatLogprobs } from './chat-logprobs.ts';
import { chunkWriter, type ResponseHead } from './chat-response.ts';
import { toLatentTrace } from './latent-trace.ts';
import { frame } from './sse.ts';

type ChatStreamOptions = {
  head: ResponseHead;
  tokenizer: Tokenizer;
  choices: number;
  includeUsage: boolean;
  onFailure: (error: ApiError) => void;
};

export async function* chatFrames(
  answer: Answer,
  { head, tokenizer, choices, includeUsage, onFailure }: ChatStreamOptions,
): AsyncGenerator<string, void, undefined> {
  const chunks = chunkWriter(head, includeUsage);
  try {
    for (let index = 0; index < choices; index++) yield frame(chunks.first(index));
    for await (const event of answer.events) {
      if (event.kind === 'text') {
        const logprobs = toChatLogprobs(event.tokens, tokenizer);
        yield frame(chunks.text(event.choice, event.text, logprobs));
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
  } catch (cause) {
    // The status line is long gone: OpenAI's clients raise on a data object with an error in it.
    const error = toApiError(cause);
    onFailure(error);
    yield frame(toErrorBody(error));
  }
}
