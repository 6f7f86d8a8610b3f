// POST /v1/chat/completions: parse, submit, then stream or collect.
import type { Context, Handler } from 'hono';
import type { Answer, AnswerToken } from './answer.ts';
import type { AppDeps, AppEnv } from './app-context.ts';
import { type ChatRequest, parseChatRequest } from './chat-fields.ts';
import { toChatLogprobs } from './chat-logprobs.ts';
import { checkControl, toGenerationRequest } from './chat-request.ts';
import { toCompletion } from './chat-response.ts';
import { chatFrames } from './chat-stream.ts';
import { checkChoices } from './generation.ts';
import { readJson } from './guards.ts';
import { type LatentTrace, toLatentTrace } from './latent-trace.ts';
import { openAnswer } from './open-answer.ts';
import { compileFormat } from './response-format.ts';
import { responseHead } from './response-head.ts';
import { stopStrings } from './sampling-fields.ts';
import { findModel, type ServedModel } from './served-model.ts';
import { endedByError, sseResponse } from './sse.ts';

export function chatCompletions(deps: AppDeps): Handler<AppEnv> {
  return async (c) => {
    const arrivedMs = performance.now();
    const request = parseChatRequest(await readJson(c));
    checkControl(request, deps.config.allowLatentControl);
    const model = findModel(deps.models, request.model);
    const choices = checkChoices('n', request.n, deps.config.maxChoices);
    const generation = toGenerationRequest(request, model);
    await compileFormat(generation, 'response_format', model);
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
      arrivedMs,
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

async function collected({ events }: Answer, asked: Asked) {
  const { request, model, promptTokenIds } = asked;
  const choices = Array.from({ length: asked.choices }, () => ({
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
        const logprobs = toChatLogprobs(tokens, model.tokenizer);
        const tokenIds = promptTokenIds && tokens.map(({ tokenId }) => tokenId);
        return { content, trace, logprobs, reason, tokenIds };
      });
      const rest = { metadata: request.metadata ?? null, promptTokenIds };
      return toCompletion(responseHead(model, 'chatcmpl'), told, event, rest);
    }
  }
  throw new Error('the engine ended an answer without a finished event');
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
  });
  return sseResponse(c, endedByError(c, frames), config, answer.abort);
}
