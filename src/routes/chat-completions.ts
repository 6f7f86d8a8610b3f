// POST /v1/chat/completions: parse, submit, then stream or collect.
import { randomUUID } from 'node:crypto';
import type { Context, Handler } from 'hono';
import { apiError } from '../errors.ts';
import { logFailure } from '../log.ts';
import type { Answer, AnswerToken } from './answer.ts';
import type { AppDeps, AppEnv } from './app-context.ts';
import { type ChatRequest, parseChatRequest } from './chat-fields.ts';
import { toChatLogprobs } from './chat-logprobs.ts';
import { checkControl, toGenerationRequest } from './chat-request.ts';
import { type ResponseHead, toCompletion } from './chat-response.ts';
import { chatFrames } from './chat-stream.ts';
import { readJson } from './guards.ts';
import { type LatentTrace, toLatentTrace } from './latent-trace.ts';
import { openAnswer } from './open-answer.ts';
import { stopStrings } from './sampling-fields.ts';
import { findModel, type ServedModel } from './served-model.ts';
import { sseResponse } from './sse.ts';

export function chatCompletions(deps: AppDeps): Handler<AppEnv> {
  return async (c) => {
    const arrivedMs = performance.now();
    const request = parseChatRequest(await readJson(c));
    checkControl(request, deps.config.allowLatentControl);
    const model = findModel(deps.models, request.model);
    const answer = openAnswer(c, deps, {
      endpoint: 'chat.completions',
      model,
      request: toGenerationRequest(request, model),
      stop: stopStrings(request),
      choices: choiceCount(request, deps.config.maxChoices),
      answerMarker: model.config.coconut.answer_marker,
      // Metadata reaches the server through every OpenAI client; a header of ours would not.
      baselineTask: request.metadata?.['baseline_task'],
      arrivedMs,
    });
    return request.stream
      ? streamed(c, answer, request, model, deps)
      : c.json(await collected(answer, request, model));
  };
}

async function collected({ events }: Answer, request: ChatRequest, model: ServedModel) {
  const choices = Array.from({ length: request.n ?? 1 }, () => ({
    content: '',
    trace: null as LatentTrace | null,
    tokens: [] as AnswerToken[],
    reason: 'stop' as 'stop' | 'length',
  }));
  for await (const event of events) {
    if (event.kind === 'text') {
      const choice = choices[event.choice]!;
      choice.content += event.text;
      choice.tokens.push(...event.tokens);
    }
    if (event.kind === 'trace') {
      choices[event.choice]!.trace = toLatentTrace(event.thoughts, model.tokenizer);
    }
    if (event.kind === 'choice-finished') choices[event.choice]!.reason = event.reason;
    if (event.kind === 'finished') {
      const told = choices.map(({ content, trace, tokens, reason }) => {
        return { content, trace, logprobs: toChatLogprobs(tokens, model.tokenizer), reason };
      });
      return toCompletion(responseHead(model, 'chatcmpl'), told, event, request.metadata ?? null);
    }
  }
  throw new Error('the engine ended an answer without a finished event');
}

/** Each choice takes a slot, so their number bounds what one request can hold. */
function choiceCount({ n }: ChatRequest, maximum: number): number {
  if (n == null || n <= maximum) return n ?? 1;
  throw apiError('invalid_request', {
    param: 'n',
    message: `n: this server gives at most ${maximum} choices, got ${n}`,
  });
}

function streamed(
  c: Context<AppEnv>,
  answer: Answer,
  request: ChatRequest,
  model: ServedModel,
  { config }: AppDeps,
): Response {
  const frames = chatFrames(answer, {
    head: responseHead(model, 'chatcmpl'),
    tokenizer: model.tokenizer,
    choices: request.n ?? 1,
    includeUsage: request.stream_options?.include_usage ?? false,
    onFailure: (error) => logFailure(c.var.log, error),
  });
  return sseResponse(c, frames, config, answer.abort);
}

export function responseHead(model: ServedModel, prefix: 'chatcmpl' | 'cmpl'): ResponseHead {
  return {
    id: `${prefix}-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: model.id,
    system_fingerprint: `fp_${model.weightsSha256.slice(0, 10)}`,
    service_tier: 'default',
  };
}
