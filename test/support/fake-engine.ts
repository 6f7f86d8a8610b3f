// An engine that plays a script instead of running a model, and models and apps around it.

import type { ChatCompletion, ChatCompletionChunk } from 'openai/resources/chat/completions';
import { type App, createApp } from '../../src/app.ts';
import type { Asker } from '../../src/engine/compilations.ts';
import type { Engine, EngineInfo, EngineState } from '../../src/engine/engine.ts';
import type { FinishReason, GenerationRequest, TokenEvent } from '../../src/engine/messages.ts';
import { checkRequest } from '../../src/engine/request-check.ts';
import { apiError, type ErrorBody } from '../../src/errors.ts';
import { createLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { parseChatTemplate } from '../../src/model/chat-template.ts';
import { modelConfigSchema } from '../../src/model/model-config.ts';
import type { AppDeps } from '../../src/routes/app-context.ts';
import type { ServedModel } from '../../src/routes/served-model.ts';
import { byteTokenizer } from './byte-tokenizer.ts';

export const special = { eos: 256, bot: 257, eot: 258 };

const tokenizer = byteTokenizer();

/** text: its bytes as tokens, one by one; ids: tokens; think: thoughts in the middle of the answer; until: then it goes on; hang: nothing more until the request is aborted. */
export type ScriptStep =
  | { text: string }
  | { ids: readonly number[] }
  | { think: true }
  | { hang: true }
  | { until: Promise<void> }
  | { fail: Error };

/** The real engine's own check is made here too: what the routes let through fails as it would there. */
const anyModel = {
  width: 16,
  slotCapacity: Number.POSITIVE_INFINITY,
  hasStopHead: true,
  hasParallelThoughts: false,
};

const timings = { queueMs: 1, prefillMs: 2, latentMs: 3, decodeMs: 4 };

export class FakeEngine implements Engine {
  state: EngineState = 'ready';
  /** Thrown by submit, as a full queue is. */
  refusal: Error | null = null;
  readonly requests: GenerationRequest[] = [];
  readonly endings: FinishReason[] = [];
  /** What compile() finds wrong. */
  grammarProblem: string | null = null;
  /** Of each prompt, as if earlier requests had computed them. */
  cachedTokens = 0;
  readonly #script: readonly ScriptStep[];

  constructor(...script: ScriptStep[]) {
    this.#script = script;
  }

  ready(): Promise<EngineInfo> {
    const endings = { weightsMs: 0, sessionMs: 0 };
    return Promise.resolve({ slots: 1, slotCapacity: 64, loadMs: 0, endings, adapter: null });
  }

  submit(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<TokenEvent> {
    if (this.refusal) throw this.refusal;
    checkRequest(request, { ...anyModel, vocabSize: tokenizer.vocabSize });
    this.requests.push(request);
    return this.#play(request, signal ?? new AbortController().signal);
  }

  submitChoices(
    request: GenerationRequest,
    signals: readonly AbortSignal[],
  ): AsyncIterable<TokenEvent>[] {
    return signals.map((signal) => this.submit(request, signal));
  }

  compile(_grammar: string, _asker: Asker): Promise<string | null> {
    return Promise.resolve(this.grammarProblem);
  }

  onStep(): void {}

  onCrash(): void {}

  drain(): Promise<void> {
    this.state = 'stopped';
    return Promise.resolve();
  }

  async *#play(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<TokenEvent> {
    yield* promptEvent(request);
    if (!request.latentEntry) yield* thoughtEvents(request);
    let answerTokens = 0;
    const finished = (reason: FinishReason): TokenEvent => {
      this.endings.push(reason);
      const promptTokens = request.promptIds.length + request.suffixIds.length;
      const usage = {
        promptTokens,
        cachedTokens: this.cachedTokens,
        thoughts: request.thoughts.count,
        answerTokens,
      };
      // As if <eos> came where the script is over.
      const stopToken = { tokenId: special.eos, logprobs: scriptedLogprobs(request, special.eos) };
      const end = reason === 'stop' && { stopToken };
      return { kind: 'finished', reason, usage, timings, thoughts: null, ...end };
    };
    for (const step of this.#script) {
      if ('fail' in step) throw step.fail;
      if ('until' in step) await step.until;
      if ('think' in step) yield* thoughtEvents(request);
      if ('hang' in step) await whenAborted(signal);
      for (const tokenId of idsOf(step)) {
        // A turn of the event loop per token, as the real engine's messages take.
        await new Promise(setImmediate);
        if (signal.aborted) break;
        if (answerTokens === request.maxTokens) return yield finished('length');
        answerTokens += 1;
        yield { kind: 'token', tokenId, logprobs: scriptedLogprobs(request, tokenId) };
      }
      if (signal.aborted) return yield finished('aborted');
    }
    yield finished('stop');
  }
}

function idsOf(step: ScriptStep): readonly number[] {
  if ('ids' in step) return step.ids;
  return 'text' in step ? tokenizer.encode(step.text) : [];
}

function* promptEvent(request: GenerationRequest): Generator<TokenEvent> {
  const { promptIds, promptLogprobs = null } = request;
  if (promptLogprobs === null) return;
  const tokens = promptIds.map((tokenId, i) => {
    const logprobs = scriptedLogprobs({ logprobs: promptLogprobs }, tokenId);
    return { tokenId, logprobs: i === 0 ? null : logprobs };
  });
  yield { kind: 'prompt', tokens };
}

function* thoughtEvents({ thoughts, traceWords }: GenerationRequest): Generator<TokenEvent> {
  for (let index = 0; index < thoughts.count; index++) {
    const words = [{ tokenId: tokenizer.encode('Tom')[0]!, probability: 0.5 }];
    const trace = { words, norm: 2, cosine: index === 0 ? null : 0.25 };
    yield { kind: 'thought', index, ...(traceWords && { trace }) };
  }
}

/** As asked for: the token itself at -0.25, and the ids after it, each less likely by 1. */
function scriptedLogprobs({ logprobs }: Pick<GenerationRequest, 'logprobs'>, tokenId: number) {
  if (logprobs === null) return null;
  const top = Array.from({ length: logprobs }, (_, i) => ({
    tokenId: (tokenId + i) % 256,
    logprob: -0.25 - i,
  }));
  return { logprob: -0.25, top };
}

function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}

/** Six thoughts by default and at most, 64 positions, the answer marker "### ". */
export function fakeModel(engine: Engine, overrides: Partial<ServedModel> = {}): ServedModel {
  const config = modelConfigSchema.parse({
    model_type: 'gpt2',
    vocab_size: tokenizer.vocabSize,
    n_positions: 64,
    n_embd: 16,
    n_layer: 2,
    n_head: 2,
    eos_token_id: special.eos,
    coconut: {
      method: 'coconut',
      filler: 'thought',
      thoughts_per_step: 1,
      max_stage: 6,
      default_thoughts: 6,
      bot_token_id: special.bot,
      eot_token_id: special.eot,
      answer_marker: '### ',
    },
  });
  return {
    id: 'fake/coconut',
    createdSeconds: 1_700_000_000,
    config,
    tokenizer,
    chatTemplate: parseChatTemplate("{{ (messages | last).content + '\\n' }}"),
    eosIds: [config.eos_token_id],
    samplingDefaults: { temperature: 0, topP: 1 },
    evalReport: null,
    weightsSha256: 'abcdef0123456789',
    systemFingerprint: 'fp_abcdef0123',
    slotCapacity: 64,
    engine: () => engine,
    ...overrides,
  };
}

/** One that was taught to write its first reasoning step, then <bot>. */
export function wordsFirstModel(engine: Engine): ServedModel {
  const model = fakeModel(engine);
  const coconut = { ...model.config.coconut, word_steps: 1 };
  return { ...model, config: { ...model.config, coconut } };
}

/** A checkpoint that reasons in text, so takes no thoughts. */
export function cotModel(engine: Engine): ServedModel {
  const model = fakeModel(engine, { id: 'cot' });
  const coconut = { ...model.config.coconut, method: 'cot', filler: 'none' as const };
  return { ...model, config: { ...model.config, coconut: { ...coconut, default_thoughts: 0 } } };
}

export type TestApp = { app: App; deps: AppDeps };

export function fakeApp(
  models: ServedModel[],
  config: Partial<AppDeps['config']> = {},
  rest: Partial<Pick<AppDeps, 'phase' | 'cutoff' | 'log'>> = {},
): TestApp {
  const deps: AppDeps = {
    models,
    config: {
      host: '127.0.0.1',
      apiKeys: [],
      bodyBudgetBytes: 268_435_456,
      bodyLimitBytes: 4096,
      heartbeatMs: 60_000,
      maxChoices: 4,
      queueLimit: 64,
      queueTimeoutMs: 60_000,
      requestTimeoutMs: 600_000,
      slots: 8,
      stallMs: 60_000,
      requestsPerMinute: 0,
      allowLatentControl: false,
      playground: 'on',
      ...config,
    },
    metrics: createMetrics(),
    log: createLog('silent'),
    phase: () => 'serving',
    cutoff: new AbortController().signal,
    ...rest,
  };
  return { app: createApp(deps), deps };
}

/** What the engine throws when its queue is full. */
export const queueFull = apiError('server_is_overloaded', { limit: 2 });

export function postChat(app: App, body: object, headers: Record<string, string> = {}) {
  return post(app, '/v1/chat/completions', body, headers);
}

export function post(app: App, path: string, body: object, headers: Record<string, string> = {}) {
  return app.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

export async function completionOf(response: Response | Promise<Response>) {
  return (await (await response).json()) as ChatCompletion;
}

export async function errorOf(response: Response | Promise<Response>) {
  const { error } = (await (await response).json()) as ErrorBody;
  return error;
}

/** The parsed data objects of a whole stream; comments and [DONE] left out. */
export async function chunksOf(response: Response | Promise<Response>) {
  const events = (await (await response).text()).split('\n\n');
  const data = events.filter((event) => event.startsWith('data: {'));
  return data.map((event) => JSON.parse(event.slice('data: '.length)) as ChatCompletionChunk);
}

export const ask = (extra: object = {}) => ({
  model: 'fake/coconut',
  messages: [{ role: 'user', content: 'Is Tom a cat?' }],
  ...extra,
});
