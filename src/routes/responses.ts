// POST /v1/responses, one stateless turn, and POST /v1/responses/input_tokens, its price.
import { randomUUID } from 'node:crypto';
import type { Handler } from 'hono';
import type { GenerationRequest } from '../engine/messages.ts';
import type { Answer } from './answer.ts';
import type { AppDeps, AppEnv } from './app-context.ts';
import { chatPrompt } from './chat-prompt.ts';
import { collectAnswer } from './collect-answer.ts';
import { compileFormat } from './compile-format.ts';
import { toGeneration } from './generation.ts';
import { readJson } from './guards.ts';
import { checkFormat } from './latent-after.ts';
import { checkControl, settleThoughts } from './latent-fields.ts';
import { openAnswer } from './open-answer.ts';
import {
  logprobsAsked,
  parseResponseRequest,
  type ResponseRequest,
  toMessages,
} from './response-fields.ts';
import { settleFormat } from './response-format.ts';
import { finishedResponse, type ResponseContext } from './response-object.ts';
import { responseFrames } from './response-stream.ts';
import { stopStrings } from './sampling-fields.ts';
import { findModel, type ServedModel } from './served-model.ts';
import { sseResponse } from './sse.ts';

export function responses(deps: AppDeps): Handler<AppEnv> {
  return async (c) => {
    const request = parseResponseRequest(await readJson(c));
    checkControl(request, deps.config.allowLatentControl);
    const model = findModel(deps.models, request.model);
    const generation = toResponseGeneration(request, model);
    await compileFormat(c, deps, { model, request: generation, param: 'text.format' });
    const answer = openAnswer(c, deps, {
      endpoint: 'responses',
      model,
      request: generation,
      stop: stopStrings(request),
      choices: 1,
      cache: request,
      answerMarker: model.config.coconut.answer_marker,
      baselineTask: request.metadata?.['baseline_task'],
    });
    const context = responseContext(model, request, generation);
    if (!request.stream) return c.json(await collected(answer, context));
    const frames = responseFrames(c, answer, context);
    return sseResponse(c, frames, deps.config, answer.abort);
  };
}

/** What a response to the same body would be charged for its input. */
export function inputTokens(deps: AppDeps): Handler<AppEnv> {
  return async (c) => {
    const request = parseResponseRequest(await readJson(c));
    const model = findModel(deps.models, request.model);
    const { promptIds, suffixIds } = toResponseGeneration(request, model);
    const input_tokens = promptIds.length + suffixIds.length;
    return c.json({ object: 'response.input_tokens', input_tokens });
  };
}

function toResponseGeneration(request: ResponseRequest, model: ServedModel): GenerationRequest {
  const { reasoning } = request;
  const generation = toGeneration(
    {
      prompt: chatPrompt(toMessages(request), 'input', model),
      thoughts: settleThoughts({ ...request, reasoning_effort: reasoning?.effort }, model),
      latent: request,
      limit: request.max_output_tokens ?? null,
      sampling: request,
      logprobs: logprobsAsked(request),
    },
    model,
  );
  const settled = { ...generation, ...settleFormat(request.text?.format, 'text.format', request) };
  checkFormat(settled, 'text.format');
  return settled;
}

function responseContext(
  model: ServedModel,
  request: ResponseRequest,
  { thoughts, latentEntry }: GenerationRequest,
): ResponseContext {
  const id = randomUUID().replaceAll('-', '');
  const ids = { id: `resp_${id}`, messageId: `msg_${id}`, reasoningId: `rs_${id}` };
  const thinksFirst = thoughts.count > 0 && latentEntry === undefined;
  return { ...ids, createdMs: Date.now(), thinksFirst, model, request };
}

async function collected(answer: Answer, context: ResponseContext) {
  const { choices, finished } = await collectAnswer(answer, 1);
  return finishedResponse(context, choices[0]!, finished);
}
