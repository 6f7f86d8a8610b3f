// Every type that crosses the border between the API's thread and the engine's worker thread.
// No behaviour lives here.
import type { LatentEntry } from '../model/prompt.ts';
import type { WeightFormat } from '../model/serving-model.ts';
import type { ThoughtControl } from '../model/thought-control.ts';
import type { Adapter, Device } from '../onnx/device.ts';

/** How text tokens are picked. Penalties and biases come first, then temperature, then the cuts. */
export type SamplingParams = {
  /** 0 is greedy: seed, topP, topK and minP are then without effect. */
  temperature: number;
  topP: number;
  /** 0: all ids. */
  topK: number;
  /** Least probability, as a share of the highest. */
  minP: number;
  /** Over the text tokens of the answer only, as the other two; 0 does nothing. */
  presencePenalty: number;
  frequencyPenalty: number;
  /** 1 does nothing. */
  repetitionPenalty: number;
  /** Token id and what is added to its logit. */
  logitBias: readonly (readonly [number, number])[];
  /** Same seed, prompt and checkpoint: same text. */
  seed: number;
};

export const greedySampling: SamplingParams = {
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  logitBias: [],
  seed: 0,
};

/** Where the continuous thoughts of a request come from. */
export type ThoughtSource =
  | {
      kind: 'model';
      /** At most. */
      count: number;
      /** Thinking also ends once the cosine of two thoughts in a row reaches this. */
      stopCosine?: number;
      /** Or once the checkpoint's stop head gives a thought this probability of being the last. */
      stopProbability?: number;
      /** Experiments only. */
      control?: ThoughtControl;
    }
  /** Experiments only: [count, D] row-major vectors fed in place of the model's own thoughts. */
  | { kind: 'given'; count: number; vectors: Float32Array };

export type ModelThoughts = Extract<ThoughtSource, { kind: 'model' }>;

/** The only request the engine accepts: every default settled, every range checked. */
export type GenerationRequest = {
  /** Token ids before the first thought; ends with <bot> where the checkpoint uses markers. */
  promptIds: number[];
  thoughts: ThoughtSource;
  /** Forced token ids between the last thought and the answer: [<eot>], or [] without markers. */
  suffixIds: number[];
  /** Positions left out before suffix and answer; none without. */
  skippedPositions?: number;
  /** Latent mode begins in the middle of the answer, and suffixIds are none; without, right after the prompt. */
  latentEntry?: LatentEntry;
  /** Upper bound on sampled tokens (thoughts, markers and <eos> not counted in it); 0: it ends with its prompt or last thought. */
  maxTokens: number;
  /** Sampling one of these ends the answer; the id itself is not emitted. */
  stopIds: number[];
  /** Text tokens before which no stop id may come. */
  minTokens: number;
  sampling: SamplingParams;
  /** Ask for log probabilities: how many of the likeliest ids each token tells of; null: none at all. */
  logprobs: number | null;
  /** Ask for log probabilities of the prompt's own tokens: how many of the likeliest ids each tells of; none without. */
  promptLogprobs?: number;
  /** Ask for a trace of each of the model's thoughts, with so many words. */
  traceWords?: number;
  /** EBNF, its first rule `root`: the answer is a text of it, unless it is cut. One that compile() took. */
  grammar?: string;
  /** Ask for the [count, D] thoughts in the `finished` event. */
  returnThoughts: boolean;
  /** Milliseconds it may wait for its first batch, and take in all; it may wait for ever without. */
  queueDeadlineMs?: number;
  deadlineMs?: number;
  /** Requests of one scope may reuse what the others computed; without, it neither takes nor leaves. */
  cacheScope?: string;
  /** Whose share of what is kept it counts against; the scope's own without. */
  cacheOwner?: string;
};

/** expired: one of its deadlines passed. */
export type FinishReason = 'stop' | 'length' | 'aborted' | 'expired';

/** Milliseconds of one request's life, measured on the engine's clock. */
export type RequestTimings = {
  queueMs: number;
  prefillMs: number;
  latentMs: number;
  decodeMs: number;
};

export type TokenLogprob = { tokenId: number; logprob: number };
/** Of the raw logits; `top` is likeliest first and need not hold the token itself. */
export type TokenLogprobs = { logprob: number; top: TokenLogprob[] };

/** Null where log probabilities were not asked for, and for the first token of a prompt. */
export type ScoredToken = { tokenId: number; logprobs: TokenLogprobs | null };

/** Of the model's own thought, whatever a control feeds in its place. */
export type ThoughtTrace = {
  /** What the LM head reads out of it, likeliest first. */
  words: { tokenId: number; probability: number }[];
  norm: number;
  /** To the thought before; null for the first. */
  cosine: number | null;
};

/**
 * What a request's stream yields, in order: prompt?, thought*, token*, then exactly one `finished`. With a latentEntry:
 * prompt?, token*, thought*, token*, `finished`.
 */
export type TokenEvent =
  /** With promptLogprobs: all of promptIds. */
  | { kind: 'prompt'; tokens: ScoredToken[] }
  | { kind: 'thought'; index: number; trace?: ThoughtTrace }
  | ({ kind: 'token' } & ScoredToken)
  | {
      kind: 'finished';
      reason: FinishReason;
      /** promptTokens counts prompt and suffix ids; answerTokens the emitted text tokens. */
      usage: {
        promptTokens: number;
        /** Of these, how many were not computed but found in the prefix cache. */
        cachedTokens: number;
        thoughts: number;
        answerTokens: number;
      };
      timings: RequestTimings;
      thoughts: Float32Array | null;
      /** The stop id that ended it. */
      stopToken?: ScoredToken;
    };

/** One engine iteration, for the metrics. */
export type StepReport = {
  durationMs: number;
  /** Rows of this batch by what they were doing. */
  prefillRows: number;
  latentRows: number;
  decodeRows: number;
  running: number;
  waiting: number;
  /** Positions that running sequences hold, as a share of all slots' positions. */
  kvUsage: number;
  /** Of the B·T that this batch computed: beyond the end of a row that is shorter than the longest. */
  paddedPositions: number;
  /** A stage for each request that was called off since the last report. */
  cancelled: CancelStage[];
};

/** What a request was doing when it was called off. */
export type CancelStage = 'queued' | 'prefill' | 'thinking' | 'answering';

/** Ends of the phases of loading, on clockMs()'s clock. */
export type LoadEndings = {
  /** Mapped, and quantised where that is asked for. */
  weightsMs: number;
  /** The runtime has read the graph and packed the weights. */
  sessionMs: number;
};

export type ToWorker =
  /** Its choices have the ids from `id` on; prompt and thoughts are computed once for all of them. */
  | { kind: 'submit'; id: number; choices: number; request: GenerationRequest }
  /** isCancelled: its caller wants no answer any more; else it has all of it, or was refused. */
  | { kind: 'abort'; id: number; isCancelled: boolean }
  | { kind: 'compile'; id: number; grammar: string; caller: string }
  /** Nobody waits for that compilation any more: it is answered at once. */
  | { kind: 'leave'; id: number }
  /** Finish what is running and waiting, release the session, then answer `drained`. */
  | { kind: 'drain' };

export type FromWorker =
  | {
      kind: 'ready';
      slots: number;
      slotCapacity: number;
      loadMs: number;
      endings: LoadEndings;
      adapter: Adapter | null;
    }
  /** One message per engine step, so that a wide batch costs one post. */
  | { kind: 'step'; events: { id: number; event: TokenEvent }[]; report: StepReport }
  | { kind: 'request-failed'; id: number; message: string }
  /** problem: null, or what is wrong with the grammar. */
  | { kind: 'compiled'; id: number; problem: string | null }
  | { kind: 'failed'; message: string }
  | { kind: 'drained' };

/** Passed to the worker as workerData. */
export type EngineOptions = {
  checkpointDir: string;
  /** Sequences that share a batch. */
  slots: number;
  /** Positions one slot can hold: prompt + thoughts + suffix + answer. */
  slotCapacity: number;
  /** Prompt positions computed per engine step at most, so that prefill does not stall decoding. */
  maxPrefillTokens: number;
  threads: number;
  /** Width that weight matrices are held and multiplied in. */
  weights: WeightFormat;
  /** For keys and values of finished requests, see GenerationRequest.cacheScope; none without. */
  prefixCacheBytes?: number;
  /** Where steps are computed; on the CPU without. */
  device?: Device;
  /** Whether a WebGPU adapter without a GPU behind it will do. */
  allowSoftwareGpu?: boolean;
};
