// POST /v1/chat/completions: parse, submit, then stream or collect.
import { randomUUID } from 'node:crypto';
import type { Context, Handler } from 'hono';
import { logFailure } from '../log.ts';
import { type Answer, type AnswerToken, startAnswer } from './answer.ts';
import { metered } from './answer-meter.ts';
import type { AppDeps, AppEnv } from './app-context.ts';
import { type ChatRequest, parseChatRequest } from './chat-fields.ts';
import { toChatLogprobs } from './chat-logprobs.ts';
import { toGenerationRequest } from './chat-request.ts';
import { type ResponseHead, toCompletion } from './chat-response.ts';
import { chatStream } from './chat-stream.ts';
import { deadlines } from './deadlines.ts';
import { readJson } from './guards.ts';
import { stopStrings } from './sampling-fields.ts';
import { findModel, type ServedModel } from './served-model.ts';

export function chatCompletions(deps: AppDeps): Handler<AppEnv> {
  return async (c) => {
    const arrivedMs = performance.now();
    const request = parseChatRequest(await readJson(c));
    const model = findModel(deps.models, request.model);
    const generation = { ...toGenerationRequest(request, model), ...deadlines(c, deps.config) };
    const answer = startAnswer(model, generation, {
      stop: stopStrings(request),
      arrivedMs,
      signals: [c.req.raw.signal, deps.cutoff],
    });
    c.set('metered', true);
    const events = metered(answer.events, {
      metrics: deps.metrics,
      log: c.var.log,
      model,
      endpoint: 'chat.completions',
      baselineTask: baselineTask(request),
    });
    const counted = { ...answer, events };
    return request.stream
      ? streamed(c, counted, request, model, deps.config.heartbeatMs)
      : c.json(await collected(counted, request, model));
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
      return toCompletion(responseHead(model), choice, event, request.metadata ?? null);
    }
  }
  throw new Error('the engine ended an answer without a finished event');
}

function streamed(
  c: Context<AppEnv>,
  answer: Answer,
  request: ChatRequest,
  model: ServedModel,
  heartbeatMs: number,
): Response {
  const stream = chatStream(answer, {
    head: responseHead(model),
    tokenizer: model.tokenizer,
    includeUsage: request.stream_options?.include_usage ?? false,
    heartbeatMs,
    onFailure: (error) => logFailure(c.var.log, error),
  });
  return c.body(stream, 200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  });
}

function responseHead(model: ServedModel): ResponseHead {
  return {
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: model.id,
    system_fingerprint: `fp_${model.weightsSha256.slice(0, 10)}`,
    service_tier: 'default',
  };
}

/** Metadata reaches the server through every OpenAI client, which a header of ours would not. */
function baselineTask({ metadata }: ChatRequest): string | undefined {
  const { baseline_task } = metadata ?? {};
  return baseline_task;
}
