// The named events of one streamed response, in OpenAI's order, numbered from 0: created, in_progress, each item from
// its first event to its last, the end.
import type { Context } from 'hono';
import { type ApiError, toErrorBody } from '../errors.ts';
import type { Answer, AnswerEvent } from './answer.ts';
import type { AppEnv } from './app-context.ts';
import { type LogprobEntry, toLogprobEntries } from './chat-logprobs.ts';
import {
  type Finished,
  hasMessage,
  messageItem,
  type OutputItem,
  type ResponseContext,
  reasoningItem,
  responseObject,
  statusOf,
  textPart,
} from './response-object.ts';
import { endedByError, type Frames } from './sse.ts';

export function responseFrames(
  c: Context<AppEnv>,
  answer: Answer,
  context: ResponseContext,
): Frames {
  const writer = new ResponseWriter(context);
  return endedByError(c, answerFrames(answer, writer), (error) => writer.fail(error));
}

async function* answerFrames({ events }: Answer, writer: ResponseWriter): Frames {
  yield writer.begin();
  for await (const event of events) {
    if (event.kind === 'text') yield writer.text(event);
    if (event.kind === 'finished') yield writer.finish(event);
  }
}

/** One stream: its numbers, the items that are whole, and the one that is open. */
class ResponseWriter {
  readonly #context: ResponseContext;
  #nextNumber = 0;
  readonly #items: OutputItem[] = [];
  #open: 'none' | 'reasoning' | 'message' = 'none';
  #text = '';
  readonly #logprobs: LogprobEntry[] = [];

  constructor(context: ResponseContext) {
    this.#context = context;
  }

  /** The reasoning item, where there is one, is announced before the first thought. */
  begin(): string {
    const context = this.#context;
    const response = responseObject(context, 'in_progress', [], { finished: null, error: null });
    const begun =
      this.#emit('response.created', { response }) +
      this.#emit('response.in_progress', { response });
    if (!context.thinksFirst) return begun;
    this.#open = 'reasoning';
    const item = reasoningItem(context);
    return begun + this.#emit('response.output_item.added', { output_index: 0, item });
  }

  text({ text, tokens }: Extract<AnswerEvent, { kind: 'text' }>): string {
    const opened = this.#openMessage();
    const logprobs = toLogprobEntries(tokens, this.#context.model.tokenizer);
    this.#text += text;
    this.#logprobs.push(...logprobs);
    if (text === '' && logprobs.length === 0) return opened;
    return (
      opened + this.#emit('response.output_text.delta', { ...this.#at, delta: text, logprobs })
    );
  }

  finish(finished: Finished): string {
    const status = statusOf(finished);
    const opened = hasMessage(finished) ? this.#openMessage() : '';
    const closed = this.#close(status);
    const end = { finished, error: null };
    const response = responseObject(this.#context, status, this.#items, end);
    return opened + closed + this.#emit(`response.${status}`, { response });
  }

  /** What was said until then is told again, as an unfinished item. */
  fail(error: ApiError): string {
    const closed = this.#close('incomplete');
    const { code, message, param } = toErrorBody(error).error;
    const end = { finished: null, error: { code: error.code, message } };
    const response = responseObject(this.#context, 'failed', this.#items, end);
    return (
      closed +
      this.#emit('error', { code, message, param }) +
      this.#emit('response.failed', { response })
    );
  }

  get #at() {
    const { messageId } = this.#context;
    return { item_id: messageId, output_index: this.#items.length, content_index: 0 };
  }

  #openMessage(): string {
    if (this.#open === 'message') return '';
    const closed = this.#close('completed');
    this.#open = 'message';
    const { output_index } = this.#at;
    const item = messageItem(this.#context, 'in_progress', []);
    return (
      closed +
      this.#emit('response.output_item.added', { output_index, item }) +
      this.#emit('response.content_part.added', { ...this.#at, part: textPart('', []) })
    );
  }

  /** The last events of the item that is open. */
  #close(status: 'completed' | 'incomplete'): string {
    const { output_index } = this.#at;
    const [open, logprobs] = [this.#open, this.#logprobs];
    this.#open = 'none';
    if (open === 'none') return '';
    if (open === 'reasoning') return this.#done(output_index, reasoningItem(this.#context));
    const part = textPart(this.#text, logprobs);
    return (
      this.#emit('response.output_text.done', { ...this.#at, text: this.#text, logprobs }) +
      this.#emit('response.content_part.done', { ...this.#at, part }) +
      this.#done(output_index, messageItem(this.#context, status, [part]))
    );
  }

  #done(output_index: number, item: OutputItem): string {
    this.#items.push(item);
    return this.#emit('response.output_item.done', { output_index, item });
  }

  #emit(type: string, data: object): string {
    const event = { type, sequence_number: this.#nextNumber++, ...data };
    return `event: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
  }
}
