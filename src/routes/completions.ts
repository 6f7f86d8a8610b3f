// POST /v1/completions: every prompt is an answer of its own, of one or more choices; they share the
// engine's batches, and a stream carries whichever moves.
import type { Context, Handler } from 'hono';
import { notCancelled } from '../engine/engine.ts';
import type { GenerationRequest, ScoredToken } from '../engine/messages.ts';
import { apiError } from '../errors.ts';
import type { Answer, AnswerEvent, AnswerToken, AnswerUsage } from './answer.ts';
import type { AppDeps, AppEnv } from './app-context.ts';
import { type CollectedChoice, collectAnswer } from './collect-answer.ts';
import {
  type CompletionPrompt,
  type CompletionRequest,
  choiceCounts,
  parseCompletionRequest,
  promptsOf,
  readPrompts,
  toCompletionRequests,
} from './completion-fields.ts';
import { ChoiceLogprobs, type ChoicePiece } from './completion-logprobs.ts';
import {
  type CompletionChoice,
  likeliestChoices,
  sumUsage,
  toTextCompletion,
} from './completion-response.ts';
import { checkChoices } from './generation.ts';
import { readJson } from './guards.ts';
import { checkControl } from './latent-fields.ts';
import { mergeAll } from './merge.ts';
import { openAnswer } from './open-answer.ts';
import { responseHead } from './response-head.ts';
import { stopStrings } from './sampling-fields.ts';
import { findModel, type ServedModel } from './served-model.ts';
import { endedByError, type Frames, frame, sseResponse } from './sse.ts';

export function completions(deps: AppDeps): Handler<AppEnv> {
  return async (c) => {
    const request = parseCompletionRequest(await readJson(c));
    checkControl(request, deps.config.allowLatentControl);
    const model = findModel(deps.models, request.model);
    const { given, told } = choiceCounts(request);
    checkChoices(given > told ? 'best_of' : 'n', given, deps.config.maxChoices);
    checkRoom(promptsOf(request.prompt).length, given, deps.config);
    const prompts = readPrompts(request, model);
    const generations = toCompletionRequests(request, prompts, model);
    const answers = openAll(c, deps, { request, model, generations, choices: given });
    const asked = { request, model, answers, prompts, generations, given, told };
    if (!request.stream) return c.json(await collected(asked));
    const abort = () => {
      for (const answer of answers) answer.abort();
    };
    return sseResponse(c, endedByError(c, frames(asked)), deps.config, abort);
  };
}

/** Throws invalid_request for what no idle server has places for: to ask again would not help. */
function checkRoom(
  prompts: number,
  choices: number,
  { slots, queueLimit }: Pick<AppDeps['config'], 'slots' | 'queueLimit'>,
): void {
  const [asked, most] = [prompts * choices, slots + queueLimit];
  if (asked <= most) return;
  throw apiError('invalid_request', {
    param: 'prompt',
    message: `prompt: ${prompts} prompts with ${choices} choices each (n or best_of) are ${asked} answers, this server takes at most ${most} at a time`,
  });
}

/** By prompt, but for the numbers of its choices. */
type Asked = {
  request: CompletionRequest;
  model: ServedModel;
  answers: Answer[];
  prompts: CompletionPrompt[];
  generations: GenerationRequest[];
  given: number;
  told: number;
};

type OpenOptions = Pick<Asked, 'request' | 'model' | 'generations'> & { choices: number };

/** All or none: where the queue takes only some of them, those are given up again. */
function openAll(c: Context<AppEnv>, deps: AppDeps, options: OpenOptions): Answer[] {
  const { request, generations, ...common } = options;
  const answers: Answer[] = [];
  try {
    for (const generation of generations) {
      const answer = openAnswer(c, deps, {
        ...common,
        endpoint: 'completions',
        request: generation,
        stop: stopStrings(request),
        answerMarker: '',
        cache: request,
        baselineTask: request.metadata?.['baseline_task'],
      });
      answers.push(answer);
    }
  } catch (error) {
    for (const answer of answers) answer.abort(notCancelled);
    // Nobody reads those that were taken, so none of them is counted: the refusal is.
    c.set('metered', false);
    throw error;
  }
  return answers;
}

async function collected(asked: Asked) {
  const { answers, model, request, prompts, given, told } = asked;
  try {
    const parts = await Promise.all(answers.map((answer) => collectAnswer(answer, given)));
    const usage = sumUsage(parts.map(({ finished }) => finished.usage));
    const choices = parts.flatMap((part, prompt) =>
      likeliestChoices(part.choices, told).map((choice, i) => ({
        text: prompts[prompt]!.text + choice.text,
        index: prompt * told + i,
        logprobs: logprobsTeller(asked)(piecesOf(choice, prompts[prompt]!)),
        finish_reason: choice.reason,
        ...tokenIds(asked, prompt, choice.tokens),
      })),
    );
    const body = toTextCompletion(responseHead(model, 'cmpl'), choices, { usage });
    return { ...body, ...(request.metadata && { metadata: request.metadata }) };
  } finally {
    // One that failed takes the others with it.
    for (const answer of answers) answer.abort();
  }
}

/** For the pieces of one choice, as they come. */
function logprobsTeller({ request, model }: Asked) {
  if (request.logprobs == null) return () => null;
  const logprobs = new ChoiceLogprobs(model.tokenizer);
  return (pieces: readonly ChoicePiece[]) => logprobs.next(pieces);
}

function piecesOf({ promptTokens, tokens, stopToken }: CollectedChoice, prompt: CompletionPrompt) {
  return [
    ownTokens(promptTokens, prompt),
    { kind: 'text' as const, tokens },
    ...(stopToken ? [{ kind: 'stop' as const, token: stopToken }] : []),
  ];
}

/** Without the markers that stand behind it. */
const ownTokens = (tokens: readonly ScoredToken[], { ids }: CompletionPrompt) => ({
  kind: 'prompt' as const,
  tokens: tokens.slice(0, ids.length),
});

function tokenIds(asked: Asked, prompt: number, tokens: readonly AnswerToken[]) {
  if (!asked.request.return_token_ids) return {};
  const { promptIds, suffixIds } = asked.generations[prompt]!;
  const token_ids = tokens.map(({ tokenId }) => tokenId);
  return { token_ids, prompt_token_ids: [...promptIds, ...suffixIds] };
}

async function* frames(asked: Asked): Frames {
  const { request, model, answers, prompts, told } = asked;
  const head = responseHead(model, 'cmpl');
  const withUsage = request.stream_options?.include_usage ?? false;
  const usages: AnswerUsage[] = [];
  const chunk = (choice: CompletionChoice) =>
    frame(toTextCompletion(head, [choice], withUsage ? { usage: null } : {}));
  const tellers = Array.from({ length: prompts.length * told }, () => logprobsTeller(asked));
  // A prompt that is scored is told with its scores, once they are there.
  const isScored = request.logprobs != null;
  for (const index of isScored ? [] : tellers.keys()) {
    const { text } = prompts[Math.floor(index / told)]!;
    if (text !== '') yield chunk({ text, index, logprobs: null, finish_reason: null });
  }
  for await (const [prompt, event] of mergeAll<AnswerEvent>(answers.map(({ events }) => events))) {
    if (event.kind === 'finished') usages.push(event.usage);
    if (!('choice' in event) || event.kind === 'trace') continue;
    const index = prompt * told + event.choice;
    const tell = tellers[index]!;
    if (event.kind === 'prompt') {
      const { text } = prompts[prompt]!;
      const logprobs = tell([ownTokens(event.tokens, prompts[prompt]!)]);
      yield chunk({ text, index, logprobs, finish_reason: null });
    } else if (event.kind === 'text') {
      const { text, tokens } = event;
      const ids = tokenIds(asked, prompt, tokens);
      const logprobs = tell([{ kind: 'text', tokens }]);
      yield chunk({ text, index, logprobs, finish_reason: null, ...ids });
    } else {
      const { reason, stopToken } = event;
      const logprobs = tell(stopToken ? [{ kind: 'stop', token: stopToken }] : []);
      yield chunk({ text: '', index, logprobs, finish_reason: reason });
    }
  }
  if (withUsage) yield frame(toTextCompletion(head, [], { usage: sumUsage(usages) }));
  yield 'data: [DONE]\n\n';
}
