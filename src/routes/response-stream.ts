// The named events of one streamed response, in OpenAI's order, numbered from 0: created,
// in_progress, the reasoning item where there are thoughts, the message with its deltas, the end.
import type { Context } from 'hono';
import type { ApiError } from '../errors.ts';
import type { Answer, AnswerEvent } from './answer.ts';
import type { AppEnv } from './app-context.ts';
import {
  finishedResponse,
  messageItem,
  type ResponseContext,
  reasoningItem,
  responseObject,
  textPart,
} from './response-object.ts';
import { endedByError, type Frames } from './sse.ts';

type Finished = Extract<AnswerEvent, { kind: 'finished' }>;
type Emit = (type: string, data: object) => string;

/** The reasoning item, where there is one, is announced before the first thought. */
export function responseFrames(
  c: Context<AppEnv>,
  answer: Answer,
  context: ResponseContext,
): Frames {
  const emit = numberedEvents();
  const tell = ({ code, message, param }: ApiError) => {
    const end = { finished: null, error: { code, message } };
    const response = responseObject(context, 'failed', [], end);
    return emit('error', { code, message, param }) + emit('response.failed', { response });
  };
  return endedByError(c, answerFrames(answer, context, emit), tell);
}

async function* answerFrames({ events }: Answer, context: ResponseContext, emit: Emit): Frames {
  let text = '';
  const begun = responseObject(context, 'in_progress', [], { finished: null, error: null });
  yield emit('response.created', { response: begun });
  yield emit('response.in_progress', { response: begun });
  const { thinksFirst, messageId } = context;
  const at = { item_id: messageId, output_index: thinksFirst ? 1 : 0, content_index: 0 };
  if (thinksFirst) yield reasoningAdded(emit, context);
  let isThinking = thinksFirst;
  let isOpen = false;
  for await (const event of events) {
    if (event.kind !== 'text' && event.kind !== 'finished') continue;
    if (isThinking) yield reasoningDone(emit, context);
    isThinking = false;
    if (!isOpen) yield messageAdded(emit, context, at);
    isOpen = true;
    if (event.kind === 'finished') yield messageDone(emit, context, at, text, event);
    else if (event.text !== '') {
      text += event.text;
      yield emit('response.output_text.delta', { ...at, delta: event.text, logprobs: [] });
    }
  }
}

function numberedEvents(): Emit {
  let next = 0;
  return (type, data) => {
    const event = { type, sequence_number: next++, ...data };
    return `event: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
  };
}

type Place = { item_id: string; output_index: number; content_index: number };

function reasoningAdded(emit: Emit, context: ResponseContext): string {
  return emit('response.output_item.added', { output_index: 0, item: reasoningItem(context) });
}

function reasoningDone(emit: Emit, context: ResponseContext): string {
  return emit('response.output_item.done', { output_index: 0, item: reasoningItem(context) });
}

function messageAdded(emit: Emit, context: ResponseContext, at: Place): string {
  const { output_index } = at;
  const item = messageItem(context, 'in_progress', []);
  return (
    emit('response.output_item.added', { output_index, item }) +
    emit('response.content_part.added', { ...at, part: textPart('') })
  );
}

function messageDone(
  emit: Emit,
  context: ResponseContext,
  at: Place,
  text: string,
  finished: Finished,
): string {
  const { output_index } = at;
  const response = finishedResponse(context, text, finished);
  const status = finished.reason === 'length' ? 'incomplete' : 'completed';
  const item = messageItem(context, status, [textPart(text)]);
  return (
    emit('response.output_text.done', { ...at, text, logprobs: [] }) +
    emit('response.content_part.done', { ...at, part: textPart(text) }) +
    emit('response.output_item.done', { output_index, item }) +
    emit(`response.${status}`, { response })
  );
}
