// POST /v1/completions: every prompt is an answer of its own; they share the engine's batches, and a
// stream carries whichever moves.
import type { Context, Handler } from 'hono';
import { toApiError, toErrorBody } from '../errors.ts';
import { logFailure } from '../log.ts';
import type { Answer, AnswerEvent, AnswerToken, AnswerUsage } from './answer.ts';
import type { AppDeps, AppEnv } from './app-context.ts';
import { responseHead } from './chat-completions.ts';
import {
  type CompletionRequest,
  parseCompletionRequest,
  promptTexts,
  toCompletionRequests,
} from './completion-fields.ts';
import {
  type CompletionChoice,
  sumUsage,
  toCompletionLogprobs,
  toTextCompletion,
} from './completion-response.ts';
import { readJson } from './guards.ts';
import { mergeAll } from './merge.ts';
import { openAnswer } from './open-answer.ts';
import { stopStrings } from './sampling-fields.ts';
import { findModel, type ServedModel } from './served-model.ts';
import { type Frames, frame, sseResponse } from './sse.ts';

export function completions(deps: AppDeps): Handler<AppEnv> {
  return async (c) => {
    const arrivedMs = performance.now();
    const request = parseCompletionRequest(await readJson(c));
    const model = findModel(deps.models, request.model);
    const answers = openAll(c, deps, request, model, arrivedMs);
    const echoes = request.echo ? promptTexts(request, model) : answers.map(() => '');
    const written = { answers, echoes, model };
    if (!request.stream) return c.json(await collected(written, request.metadata));
    const abort = () => {
      for (const answer of answers) answer.abort();
    };
    return sseResponse(c, frames(c, written, request), deps.config, abort);
  };
}

type Written = { answers: Answer[]; echoes: string[]; model: ServedModel };

/** All or none: where the queue takes only some of them, those are given up again. */
function openAll(
  c: Context<AppEnv>,
  deps: AppDeps,
  request: CompletionRequest,
  model: ServedModel,
  arrivedMs: number,
): Answer[] {
  const answers: Answer[] = [];
  const endpoint = 'completions' as const;
  const common = { endpoint, model, choices: 1, answerMarker: '', arrivedMs };
  const stop = stopStrings(request);
  const baselineTask = request.metadata?.['baseline_task'];
  try {
    for (const generation of toCompletionRequests(request, model)) {
      answers.push(openAnswer(c, deps, { ...common, request: generation, stop, baselineTask }));
    }
  } catch (error) {
    for (const answer of answers) answer.abort();
    // Nobody reads those that were taken, so none of them is counted: the refusal is.
    c.set('metered', false);
    throw error;
  }
  return answers;
}

async function collected(
  { answers, echoes, model }: Written,
  metadata: Record<string, string> | null | undefined,
) {
  try {
    const parts = await Promise.all(
      answers.map((answer, index) => choiceOf(answer, index, echoes[index] ?? '', model)),
    );
    const usage = sumUsage(parts.map((part) => part.usage));
    const choices = parts.map((part) => part.choice);
    const body = toTextCompletion(responseHead(model, 'cmpl'), choices, { usage });
    return { ...body, ...(metadata && { metadata }) };
  } finally {
    // One that failed takes the others with it.
    for (const answer of answers) answer.abort();
  }
}

async function choiceOf({ events }: Answer, index: number, echo: string, model: ServedModel) {
  let text = echo;
  const tokens: AnswerToken[] = [];
  for await (const event of events) {
    if (event.kind === 'text') {
      text += event.text;
      tokens.push(...event.tokens);
    }
    if (event.kind === 'finished') {
      const logprobs = toCompletionLogprobs(tokens, echo.length, model.tokenizer);
      const choice: CompletionChoice = { text, index, logprobs, finish_reason: event.reason };
      return { choice, usage: event.usage };
    }
  }
  throw new Error('the engine ended an answer without a finished event');
}

async function* frames(
  c: Context<AppEnv>,
  { answers, echoes, model }: Written,
  request: CompletionRequest,
): Frames {
  const head = responseHead(model, 'cmpl');
  const withUsage = request.stream_options?.include_usage ?? false;
  const usages: AnswerUsage[] = [];
  const written = echoes.map(() => 0);
  const chunk = (choice: CompletionChoice) => {
    written[choice.index] = (written[choice.index] ?? 0) + choice.text.length;
    return frame(toTextCompletion(head, [choice], withUsage ? { usage: null } : {}));
  };
  try {
    for (const [index, text] of echoes.entries()) {
      if (text !== '') yield chunk({ text, index, logprobs: null, finish_reason: null });
    }
    for await (const [index, event] of mergeAll<AnswerEvent>(answers.map(({ events }) => events))) {
      if (event.kind === 'text') {
        const logprobs = toCompletionLogprobs(event.tokens, written[index] ?? 0, model.tokenizer);
        yield chunk({ text: event.text, index, logprobs, finish_reason: null });
      } else if (event.kind === 'finished') {
        usages.push(event.usage);
        yield chunk({ text: '', index, logprobs: null, finish_reason: event.reason });
      }
    }
    if (withUsage) yield frame(toTextCompletion(head, [], { usage: sumUsage(usages) }));
    yield 'data: [DONE]\n\n';
  } catch (cause) {
    const error = toApiError(cause);
    logFailure(c.var.log, error);
    yield frame(toErrorBody(error));
  }
}
