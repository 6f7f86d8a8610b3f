// An engine's token events → text: detokenised, cut at stop strings, timed from the request's
// arrival. Knows nothing of JSON, so that every endpoint that generates text can use it.
import { Detokenizer } from '../engine/detokenizer.ts';
import { notCancelled } from '../engine/engine.ts';
import type {
  GenerationRequest,
  RequestTimings,
  ScoredToken,
  ThoughtTrace,
  TokenEvent,
} from '../engine/messages.ts';
import { apiError } from '../errors.ts';
import { joinChoices } from './join-choices.ts';
import { gatherTraces } from './latent-trace.ts';
import { onAbort } from './on-abort.ts';
import type { ServedModel } from './served-model.ts';

export type AnswerUsage = {
  promptTokens: number;
  cachedTokens: number;
  thoughts: number;
  textTokens: number;
};

/** Milliseconds; those of texts and the total count from the request's arrival, null where no text came. */
export type AnswerTimings = RequestTimings & {
  firstTextMs: number | null;
  lastTextMs: number | null;
  totalMs: number;
  /** Between each text token and the one before it. */
  tokenGapsMs: number[];
};

/** A text token as it was sampled. */
export type AnswerToken = ScoredToken;

/**
 * One choice as it comes: the prompt's tokens where they are scored, thought*, their traces where asked for, text*, then exactly one `finished`. Thoughts with
 * their traces may stand in the middle of the text.
 */
export type ChoiceEvent =
  | { kind: 'prompt'; tokens: ScoredToken[] }
  | { kind: 'thought'; trace?: ThoughtTrace }
  | { kind: 'trace'; thoughts: ThoughtTrace[] }
  /** `tokens` came since the last text. The last text is empty where only tokens are left to tell. */
  | { kind: 'text'; text: string; tokens: AnswerToken[] }
  | {
      kind: 'finished';
      /** Of all choices together: 'length' where one of them was cut. */
      reason: 'stop' | 'length';
      /** Prompt and thoughts once, however many choices share them. */
      usage: AnswerUsage;
      timings: AnswerTimings;
      /** The token that ended it, which is no text. */
      stopToken?: ScoredToken;
    };

/** thought*, then the choices' texts and ends as they come, then exactly one `finished`. */
export type AnswerEvent =
  | Exclude<ChoiceEvent, { kind: 'prompt' | 'text' | 'trace' }>
  | { kind: 'prompt'; choice: number; tokens: ScoredToken[] }
  | { kind: 'trace'; choice: number; thoughts: ThoughtTrace[] }
  | { kind: 'text'; choice: number; text: string; tokens: AnswerToken[] }
  | ({ kind: 'choice-finished'; choice: number } & Pick<
      Extract<ChoiceEvent, { kind: 'finished' }>,
      'reason' | 'timings' | 'stopToken'
    >);

export type Answer = {
  events: AsyncIterable<AnswerEvent>;
  /** Ends the answer early; the engine frees its slot within one step. See `notCancelled` for the reason. */
  abort: (reason?: unknown) => void;
};

type AnswerOptions = {
  stop: string[];
  /** Answers to give, each with a seed of its own. */
  choices: number;
  /** Left out where the text begins with it; '' keeps everything. */
  answerMarker: string;
  /** On performance.now()'s clock. */
  arrivedMs: number;
  /** Any of them ends the answer with request_aborted. */
  signals: AbortSignal[];
};

/** Submits at once: what the engine refuses is thrown here, before any response has begun. */
export function startAnswer(
  model: ServedModel,
  request: GenerationRequest,
  { stop, answerMarker, arrivedMs, signals, choices }: AnswerOptions,
): Answer {
  const controllers = Array.from({ length: choices }, () => new AbortController());
  const whole = new AbortController();
  const abort = (reason?: unknown) => {
    whole.abort();
    for (const controller of controllers) controller.abort(reason);
  };
  onAbort(signals, whole.signal, () => abort());
  try {
    const streams = model.engine().submitChoices(
      request,
      controllers.map(({ signal }) => signal),
    );
    const events = streams.map((tokens, choice) => {
      const detokenizer = new Detokenizer(model.tokenizer, { stop, answerMarker });
      const leave = (reason?: unknown) => controllers[choice]?.abort(reason);
      return gatherTraces(toChoiceEvents(tokens, detokenizer, arrivedMs, leave));
    });
    const thoughts = request.latentEntry ? 'own' : 'shared';
    return { events: joinChoices(events, thoughts, () => whole.abort()), abort };
  } catch (error) {
    whole.abort();
    throw error;
  }
}

async function* toChoiceEvents(
  tokens: AsyncIterable<TokenEvent>,
  detokenizer: Detokenizer,
  arrivedMs: number,
  abort: (reason?: unknown) => void,
): AsyncGenerator<ChoiceEvent, void, undefined> {
  const clock = textClock(arrivedMs);
  const pending: AnswerToken[] = [];
  let textTokens = 0;
  const said = (text: string): ChoiceEvent => {
    if (text !== '') clock.seen();
    return { kind: 'text', text, tokens: pending.splice(0) };
  };
  try {
    for await (const event of tokens) {
      if (event.kind === 'prompt') {
        yield event;
      } else if (event.kind === 'thought') {
        yield { kind: 'thought', ...(event.trace && { trace: event.trace }) };
      } else if (event.kind === 'token') {
        // Tokens sampled between the stop string and the abort are no part of the answer.
        if (detokenizer.stopped) continue;
        textTokens += 1;
        clock.token();
        pending.push({ tokenId: event.tokenId, logprobs: event.logprobs });
        const text = detokenizer.push(event.tokenId);
        if (detokenizer.stopped) abort(notCancelled);
        if (text !== '') yield said(text);
      } else {
        const cutOff = event.reason === 'aborted' && !detokenizer.stopped;
        if (cutOff) throw apiError('request_aborted', { textTokens });
        if (event.reason === 'expired' && !detokenizer.stopped) {
          const ms = Math.round(clock.read().totalMs);
          throw apiError('deadline_exceeded', { textTokens, ms });
        }
        const rest = detokenizer.finish();
        if (rest !== '' || pending.length > 0) yield said(rest);
        const { promptTokens, cachedTokens, thoughts } = event.usage;
        yield {
          kind: 'finished',
          reason: event.reason === 'length' && !detokenizer.stopped ? 'length' : 'stop',
          usage: { promptTokens, cachedTokens, thoughts, textTokens },
          timings: { ...event.timings, ...clock.read() },
          ...(event.stopToken && !detokenizer.stopped && { stopToken: event.stopToken }),
        };
      }
    }
  } finally {
    // Reached early when the reader leaves: the engine must not keep on generating.
    abort();
  }
}

/** When the first and the last text came, counted from the request's arrival, and the time between tokens. */
function textClock(arrivedMs: number) {
  let firstTextMs: number | null = null;
  let lastTextMs: number | null = null;
  let lastTokenMs: number | null = null;
  const tokenGapsMs: number[] = [];
  return {
    token: () => {
      const nowMs = performance.now();
      if (lastTokenMs !== null) tokenGapsMs.push(nowMs - lastTokenMs);
      lastTokenMs = nowMs;
    },
    seen: () => {
      lastTextMs = performance.now() - arrivedMs;
      firstTextMs ??= lastTextMs;
    },
    read: () => ({
      firstTextMs,
      lastTextMs,
      totalMs: performance.now() - arrivedMs,
      tokenGapsMs,
    }),
  };
}
