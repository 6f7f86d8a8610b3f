// The engine's loop over real tensors of a tiny model, one per architecture. Timing plays no part: the
// clock stands still.
import { beforeAll, expect } from 'vitest';
import { KvCache } from '../../src/engine/kv-cache.ts';
import type { GenerationRequest, TokenEvent } from '../../src/engine/messages.ts';
import { ModelRunner } from '../../src/engine/model-runner.ts';
import { PrefixCache } from '../../src/engine/prefix-cache.ts';
import { Sequence } from '../../src/engine/sequence.ts';
import { StepLoop } from '../../src/engine/step-loop.ts';
import { type Refinement, refinementOf } from '../../src/engine/thought-inputs.ts';
import { dimensionsOf, type ModelConfig } from '../../src/model/model-config.ts';
import { encodeServingModel } from '../../src/model/serving-graphs.ts';
import { createSession, type Session } from '../../src/onnx/session.ts';
import { tinyConfig, tinyLlamaConfig, tinyWeights } from '../support/tiny-model.ts';
import { type Collected, collect, makeRequest, thoughtsWithin } from './requests.ts';

export const eot = 258;

type Setup = { slots: number; maxPrefillTokens: number; capacity: number };
const roomy: Setup = { slots: 4, maxPrefillTokens: 256, capacity: 256 };

export class TensorEngine {
  readonly cache: KvCache;
  readonly #refinement: Refinement | undefined;
  readonly loop: StepLoop;
  readonly #events = new Map<number, TokenEvent[]>();

  constructor(config: ModelConfig, session: Session, setup: Partial<Setup> = {}) {
    this.#refinement = refinementOf(config);
    const { slots, maxPrefillTokens, capacity } = { ...roomy, ...setup };
    const { layers, kvHeads: heads, headSize } = dimensionsOf(config);
    this.cache = new KvCache({ layers, heads, headSize, slots, capacity });
    const runner = new ModelRunner(config, session, this.cache, new PrefixCache(2 ** 20));
    this.loop = new StepLoop(runner, { slots, maxPrefillTokens }, () => 0);
  }

  submit(id: number, request: GenerationRequest): void {
    this.loop.submit(new Sequence(id, request, 0, id, this.#refinement));
  }

  /** With ids from firstId on. */
  submitChoices(firstId: number, choices: number, request: GenerationRequest): void {
    for (let id = firstId; id < firstId + choices; id++) {
      this.loop.submit(new Sequence(id, request, 0, firstId, this.#refinement));
    }
  }

  /** @returns ids of the sequences that failed */
  async step(): Promise<number[]> {
    const outcome = await this.loop.step();
    for (const { id, event } of outcome?.events ?? []) {
      this.#events.set(id, [...this.eventsOf(id), event]);
    }
    return (outcome?.failures ?? []).map(({ id }) => id);
  }

  /** To the end of all that was submitted; none of it may fail. */
  async finish(): Promise<void> {
    while (!this.loop.isIdle) expect(await this.step()).toEqual([]);
  }

  eventsOf(id: number): TokenEvent[] {
    return this.#events.get(id) ?? [];
  }

  answerOf(id: number): Collected {
    return collect(this.eventsOf(id), thoughtsWithin);
  }
}

export const tinyModels = [
  { architecture: 'gpt2', config: tinyConfig('coconut') as ModelConfig },
  { architecture: 'llama', config: tinyLlamaConfig() as ModelConfig },
];

export const withCoconut = (coconut: Partial<ModelConfig['coconut']>): ModelConfig => {
  const config = tinyConfig('coconut');
  return { ...config, coconut: { ...config.coconut, ...coconut } };
};
/** Thoughts that are refined together. */
export const jacobi = { kind: 'jacobi' as const, iterations: 2, slot_token_id: 259 };

export type TensorModel = ReturnType<typeof tensorModel>;

/** To be called in a describe: the session is created before its first test. */
export function tensorModel(config: ModelConfig, weights = tinyWeights(config, 7)) {
  let session: Session;
  beforeAll(async () => {
    const { graph, bytes } = encodeServingModel(config, weights);
    session = await createSession(graph, bytes, { threads: 1 });
  });
  const engine = (setup: Partial<Setup> = {}) => new TensorEngine(config, session, setup);

  /** Submits request i before step i · stagger, and runs to the end. */
  async function answers(
    requests: readonly GenerationRequest[],
    setup: Partial<Setup> = {},
    stagger = 0,
  ): Promise<Collected[]> {
    const running = engine(setup);
    let submitted = 0;
    for (let at = 0; submitted < requests.length || !running.loop.isIdle; at++) {
      for (; submitted < requests.length && submitted * stagger <= at; submitted++) {
        running.submit(submitted, requests[submitted] as GenerationRequest);
      }
      expect(await running.step()).toEqual([]);
    }
    expect(running.cache.held).toBe(0);
    return requests.map((_, id) => running.answerOf(id));
  }

  const alone = async (request: GenerationRequest) => (await answers([request]))[0] as Collected;
  return { config, weights, session: () => session, engine, answers, alone };
}

export const promptOf = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => (i * 37 + seed * 101 + ((i * i) % 13)) % 256);

/** Prompts of 3 to 150 tokens, 0 to 5 thoughts, answers of 1 to 30 tokens. */
export const mixedRequests = (
  [
    [3, 0, 12],
    [40, 3, 30],
    [150, 5, 20],
    [61, 1, 1],
    [64, 2, 9],
    [17, 4, 16],
  ] as const
).map(([length, count, maxTokens], i) =>
  makeRequest({
    promptIds: promptOf(length, i),
    thoughts: { kind: 'model', count },
    suffixIds: [eot],
    maxTokens,
    returnThoughts: true,
  }),
);

const evenIds = Array.from({ length: 128 }, (_, i) => 2 * i);
/** Thoughts in the middle of the answer, after a line or three of it: a line ends with any even token. */
export const midAnswerRequests = (
  [
    [30, 3, 1, 25],
    [9, 0, 1, 12],
    [70, 5, 3, 25],
  ] as const
).map(([length, count, afterLines, maxTokens], i) =>
  makeRequest({
    promptIds: promptOf(length, i),
    thoughts: { kind: 'model', count },
    latentEntry: { botId: 257, eotId: eot, afterLines, lineEndIds: evenIds },
    maxTokens,
    returnThoughts: true,
  }),
);

/** Those that tests call by name: of 3, 5 and 4 thoughts. */
export const [, thinking, deep, , , short] = mixedRequests as [
  GenerationRequest,
  GenerationRequest,
  GenerationRequest,
  GenerationRequest,
  GenerationRequest,
  GenerationRequest,
];

/** Tokens to the last one, thoughts to four digits. */
export function expectSame(
  actual: Collected,
  expected: { tokens: number[]; thoughts: ArrayLike<number> },
): void {
  expect(actual.tokens).toEqual(expected.tokens);
  const thoughts = [...(actual.finished.thoughts ?? [])];
  expect(thoughts.length).toBe(expected.thoughts.length);
  thoughts.forEach((value, i) => {
    expect(value).toBeCloseTo(expected.thoughts[i] as number, 4);
  });
}

export const asExpected = ({ tokens, finished }: Collected) => ({
  tokens,
  thoughts: finished.thoughts ?? [],
});
