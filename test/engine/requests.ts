// Requests for the engine's tests, and what their streams amount to.
import {
  type GenerationRequest,
  greedySampling,
  type ScoredToken,
  type TokenEvent,
} from '../../src/engine/messages.ts';
import type { ModelLimits } from '../../src/engine/request-check.ts';

const plain: GenerationRequest = {
  promptIds: [1, 2, 3],
  thoughts: { kind: 'model', count: 0 },
  suffixIds: [],
  maxTokens: 4,
  stopIds: [],
  minTokens: 0,
  sampling: greedySampling,
  logprobs: null,
  returnThoughts: false,
};

export function makeRequest(overrides: Partial<GenerationRequest> = {}): GenerationRequest {
  return { ...plain, ...overrides };
}

/** Of a checkpoint that has neither a stop head nor parallel thoughts. */
export const smallLimits: ModelLimits = {
  vocabSize: 10,
  width: 2,
  slotCapacity: 8,
  hasStopHead: false,
  hasParallelThoughts: false,
};

export type Finished = Extract<TokenEvent, { kind: 'finished' }>;
export type Collected = {
  /** Of the prompt, where it was to be scored. */
  scores: ScoredToken[];
  tokens: number[];
  thoughtEvents: number[];
  finished: Finished;
};

const thoughtsFirst = /^(prompt )?(thought )*(token )*finished$/;
/** With a latentEntry. */
export const thoughtsWithin = /^(prompt )?(token )*(thought )*(token )*finished$/;

/** Throws unless the events come in this order, with one finished at the end. */
export function collect(events: readonly TokenEvent[], order = thoughtsFirst): Collected {
  const kinds = events.map(({ kind }) => kind).join(' ');
  if (!order.test(kinds)) throw new Error(`events in disorder: ${kinds}`);
  return {
    scores: events.flatMap((event) => (event.kind === 'prompt' ? event.tokens : [])),
    tokens: events.flatMap((event) => (event.kind === 'token' ? event.tokenId : [])),
    thoughtEvents: events.flatMap((event) => (event.kind === 'thought' ? event.index : [])),
    finished: events.at(-1) as Finished,
  };
}

export async function readAll(stream: AsyncIterable<TokenEvent>): Promise<Collected> {
  const events: TokenEvent[] = [];
  for await (const event of stream) events.push(event);
  return collect(events);
}
