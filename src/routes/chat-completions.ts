// POST /v1/chat/completions: parse, submit, then stream or collect.
import { randomUUID } from 'node:crypto';
import type { Context, Handler } from 'hono';
import { logFailure } from '../log.ts';
import type { Answer, AnswerToken } from './answer.ts';
import type { AppDeps, AppEnv } from './app-context.ts';
import { type ChatRequest, parseChatRequest } from './chat-fields.ts';
import { toChatLogprobs } from './chat-logprobs.ts';
import { toGenerationRequest } from './chat-request.ts';
import { type ResponseHead, toCompletion } from './chat-response.ts';
import { chatFrames } from './chat-stream.ts';
import { readJson } from './guards.ts';
import { openAnswer } from './open-answer.ts';
import { stopStrings } from './sampling-fields.ts';
import { findModel, type ServedModel } from './served-model.ts';
import { sseResponse } from './sse.ts';

export function chatCompletions(deps: AppDeps): Handler<AppEnv> {
  return async (c) => {
    const arrivedMs = performance.now();
    const request = parseChatRequest(await readJson(c));
    const model = findModel(deps.models, request.model);
    const answer = openAnswer(c, deps, {
      endpoint: 'chat.completions',
      model,
      request: toGenerationRequest(request, model),
      stop: stopStrings(request),
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
  let content = '';
  const tokens: AnswerToken[] = [];
  for await (const event of events) {
    if (event.kind === 'text') {
      content += event.text;
      tokens.push(...event.tokens);
    }
    if (event.kind === 'finished') {
      const logprobs = toChatLogprobs(tokens, model.tokenizer);
      const choice = { content, logprobs };
      return toCompletion(responseHead(model, 'chatcmpl'), choice, event, request.metadata ?? null);
    }
  }
  throw new Error('the engine ended an answer without a finished event');
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
