// POST /v1/chat/completions: parse, submit, then stream or collect.
import type { Context, Handler } from 'hono';
import type { Answer } from './answer.ts';
import type { AppDeps, AppEnv } from './app-context.ts';
import { type ChatRequest, parseChatRequest } from './chat-fields.ts';
import { toChatLogprobs } from './chat-logprobs.ts';
import { toGenerationRequest } from './chat-request.ts';
import { toCompletion } from './chat-response.ts';
import { chatFrames } from './chat-stream.ts';
import { collectAnswer } from './collect-answer.ts';
import { compileFormat } from './compile-format.ts';
import { checkChoices } from './generation.ts';
import { readJson } from './guards.ts';
import { checkControl } from './latent-fields.ts';
import { toLatentTrace } from './latent-trace.ts';
import { openAnswer } from './open-answer.ts';
import { responseHead } from './response-head.ts';
import { stopStrings } from './sampling-fields.ts';
import { findModel, type ServedModel } from './served-model.ts';
import { endedByError, sseResponse } from './sse.ts';

export function chatCompletions(deps: AppDeps): Handler<AppEnv> {
  return async (c) => {
    const request = parseChatRequest(await readJson(c));
    checkControl(request, deps.config.allowLatentControl);
    const model = findModel(deps.models, request.model);
    const choices = checkChoices('n', request.n, deps.config.maxChoices);
    const generation = toGenerationRequest(request, model);
    await compileFormat(c, deps, { model, request: generation, param: 'response_format' });
    const answer = openAnswer(c, deps, {
      endpoint: 'chat.completions',
      model,
      request: generation,
      stop: stopStrings(request),
      choices,
      cache: request,
      answerMarker: model.config.coconut.answer_marker,
      // Metadata reaches the server through every OpenAI client; a header of ours would not.
      baselineTask: request.metadata?.['baseline_task'],
    });
    const { promptIds, suffixIds } = generation;
    const promptTokenIds = request.return_token_ids ? [...promptIds, ...suffixIds] : null;
    const asked = { request, model, choices, promptTokenIds };
    return request.stream
      ? streamed(c, answer, asked, deps)
      : c.json(await collected(answer, asked));
  };
}

type Asked = {
  request: ChatRequest;
  model: ServedModel;
  choices: number;
  promptTokenIds: number[] | null;
};

async function collected(answer: Answer, asked: Asked) {
  const { request, model, promptTokenIds } = asked;
  const { choices, finished } = await collectAnswer(answer, asked.choices);
  const told = choices.map(({ text, trace, tokens, reason }) => ({
    content: text,
    trace: trace && toLatentTrace(trace, model.tokenizer),
    logprobs: request.logprobs ? toChatLogprobs(tokens, model.tokenizer) : null,
    reason,
    tokenIds: promptTokenIds && tokens.map(({ tokenId }) => tokenId),
  }));
  const rest = { metadata: request.metadata ?? null, promptTokenIds };
  return toCompletion(responseHead(model, 'chatcmpl'), told, finished, rest);
}

function streamed(
  c: Context<AppEnv>,
  answer: Answer,
  { request, model, choices, promptTokenIds }: Asked,
  { config }: AppDeps,
): Response {
  const frames = chatFrames(answer, {
    head: responseHead(model, 'chatcmpl'),
    tokenizer: model.tokenizer,
    choices,
    includeUsage: request.stream_options?.include_usage ?? false,
    promptTokenIds,
    logprobs: request.logprobs ?? false,
  });
  return sseResponse(c, endedByError(c, frames), config, answer.abort);
}
