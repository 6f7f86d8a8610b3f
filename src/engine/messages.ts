// Every type that crosses the border between the API's thread and the engine's worker thread.
// Nothing else: no behaviour lives here.

/** How text tokens are picked. temperature 0 is greedy (the other fields are then without effect). */
export type SamplingParams = {
  temperature: number;
  topP: number;
  /** Same seed, prompt and checkpoint: same text. */
  seed: number;
};

/** Where the continuous thoughts of a request come from. */
export type ThoughtSource =
  | { kind: 'model'; count: number }
  /** Experiments only: [count, D] row-major vectors fed in place of the model's own thoughts. */
  | { kind: 'given'; count: number; vectors: Float32Array };

/** The only request the engine accepts: every default settled, every range checked. */
export type GenerationRequest = {
  /** Token ids before the first thought; ends with <bot> where the checkpoint uses markers. */
  promptIds: number[];
  thoughts: ThoughtSource;
  /** Forced token ids between the last thought and the answer: [<eot>], or [] without markers. */
  suffixIds: number[];
  /** Upper bound on sampled tokens (thoughts, markers and <eos> not counted in it). */
  maxTokens: number;
  /** Sampling one of these ends the answer; the id itself is not emitted. */
  stopIds: number[];
  sampling: SamplingParams;
  /** Ask for the [count, D] thoughts in the `finished` event. */
  returnThoughts: boolean;
};

export type FinishReason = 'stop' | 'length' | 'aborted';

/** Milliseconds of one request's life, measured on the engine's clock. */
export type RequestTimings = {
  queueMs: number;
  prefillMs: number;
  latentMs: number;
  decodeMs: number;
};

/** What a request's stream yields, in order: thought*, token*, then exactly one `finished`. */
export type TokenEvent =
  | { kind: 'thought'; index: number }
  | { kind: 'token'; tokenId: number }
  | {
      kind: 'finished';
      reason: FinishReason;
      /** promptTokens counts prompt and suffix ids; answerTokens the emitted text tokens. */
      usage: { promptTokens: number; thoughts: number; answerTokens: number };
      timings: RequestTimings;
      thoughts: Float32Array | null;
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
};

export type ToWorker =
  | { kind: 'submit'; id: number; request: GenerationRequest }
  | { kind: 'abort'; id: number }
  /** Finish what is running and waiting, release the session, then answer `drained`. */
  | { kind: 'drain' };

export type FromWorker =
  | { kind: 'ready'; slots: number; slotCapacity: number; loadMs: number }
  /** One message per engine step, so that a wide batch costs one post. */
  | { kind: 'step'; events: { id: number; event: TokenEvent }[]; report: StepReport }
  | { kind: 'request-failed'; id: number; message: string }
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
};
