// The one way from a checked request to an answer that is timed, counted and ended with its client;
// every endpoint that generates text goes through here.
import type { Context } from 'hono';
import type { GenerationRequest } from '../engine/messages.ts';
import { type Answer, startAnswer } from './answer.ts';
import { type Endpoint, metered } from './answer-meter.ts';
import type { AppDeps, AppEnv } from './app-context.ts';
import { type CacheFields, cacheScope } from './cache-scope.ts';
import { deadlines } from './deadlines.ts';
import type { ServedModel } from './served-model.ts';

type OpenOptions = {
  endpoint: Endpoint;
  model: ServedModel;
  request: GenerationRequest;
  stop: string[];
  /** At most config.maxChoices. */
  choices: number;
  answerMarker: string;
  cache: CacheFields;
  baselineTask: string | undefined;
};

/** Throws what the engine refuses; until then nothing is counted. */
export function openAnswer(c: Context<AppEnv>, deps: AppDeps, options: OpenOptions): Answer {
  const { model, stop, choices, answerMarker, endpoint, baselineTask } = options;
  const request = {
    ...options.request,
    ...deadlines(c, deps.config),
    cacheScope: cacheScope(c.var.caller, options.cache),
    cacheOwner: c.var.caller,
  };
  const { arrivedMs, log } = c.var;
  const signals = [c.req.raw.signal, deps.cutoff];
  const answer = startAnswer(model, request, { stop, choices, answerMarker, arrivedMs, signals });
  c.set('metered', true);
  const { metrics } = deps;
  const events = metered(answer.events, { metrics, log, model, endpoint, baselineTask });
  return { ...answer, events };
}
