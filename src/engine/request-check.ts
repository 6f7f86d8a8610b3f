// What a request must satisfy to share a batch with others: one that does not fails alone, before
// it can break a run. The API has checked most of it; experiments come straight here.
import { forcedIds, type LatentEntry, layoutLength } from '../model/prompt.ts';
import type { GenerationRequest, ModelThoughts, SamplingParams } from './messages.ts';

export type ModelLimits = {
  vocabSize: number;
  /** D: numbers in one thought. */
  width: number;
  slotCapacity: number;
  /** Whether the checkpoint can tell by itself when it has thought enough. */
  hasStopHead: boolean;
  /** Whether the checkpoint refines its thoughts together, none before the next. */
  hasParallelThoughts: boolean;
};

/** Positions a request may come to reach: prompt, thoughts, those left out, suffix or markers, and answer. */
export function positionsOf(request: GenerationRequest): number {
  return layoutLength(request) + request.maxTokens;
}

/** Throws an Error that names the field and the numbers. */
export function checkRequest(request: GenerationRequest, limits: ModelLimits): void {
  const { promptIds, thoughts, maxTokens, sampling, latentEntry } = request;
  const { vocabSize, width, slotCapacity } = limits;
  if (promptIds.length === 0) throw new Error('the prompt is empty');
  atLeast('maxTokens', maxTokens, 0);
  atLeast('promptLogprobs', request.promptLogprobs ?? 0, 0);
  atLeast('thoughts.count', thoughts.count, 0);
  atLeast('skippedPositions', request.skippedPositions ?? 0, 0);
  const isToken = (id: number) => Number.isInteger(id) && id >= 0 && id < vocabSize;
  const unknown = [...promptIds, ...forcedIds(request)].find((id) => !isToken(id));
  if (unknown !== undefined) throw new Error(`token id ${unknown} is not in 0..${vocabSize - 1}`);
  if (positionsOf(request) > slotCapacity) {
    throw new Error(`${positionsOf(request)} positions asked for, a slot holds ${slotCapacity}`);
  }
  checkSampling(sampling, isToken);
  positive('queueDeadlineMs', request.queueDeadlineMs);
  positive('deadlineMs', request.deadlineMs);
  checkTrace(request, limits);
  if (request.grammar !== undefined && request.minTokens > 0) {
    throw new Error(`minTokens ${request.minTokens} with a grammar, which says where to end`);
  }
  if (latentEntry) checkEntry(latentEntry, request);
  if (thoughts.kind === 'given') checkVectors(thoughts.vectors, thoughts.count, width);
  else checkModelThoughts(thoughts, limits);
}

function checkModelThoughts(
  { stopCosine, stopProbability, control }: ModelThoughts,
  { hasStopHead, hasParallelThoughts }: ModelLimits,
): void {
  if (stopProbability !== undefined && !hasStopHead)
    throw new Error('thoughts.stopProbability: the checkpoint has no stop head');
  if (!hasParallelThoughts) return;
  const asked = Object.entries({ stopCosine, stopProbability, control });
  const field = asked.find(([, value]) => value !== undefined)?.[0];
  if (field) throw new Error(`thoughts.${field}: the checkpoint refines its thoughts together`);
}

function checkTrace({ traceWords }: GenerationRequest, { hasParallelThoughts }: ModelLimits): void {
  if (traceWords === undefined) return;
  atLeast('traceWords', traceWords, 0);
  if (hasParallelThoughts)
    throw new Error(`traceWords ${traceWords}: the checkpoint refines its thoughts together`);
}

function checkEntry({ afterLines }: LatentEntry, { suffixIds, grammar }: GenerationRequest): void {
  if (afterLines !== null) atLeast('latentEntry.afterLines', afterLines, 1);
  if (suffixIds.length > 0) throw new Error(`latentEntry with ${suffixIds.length} suffixIds`);
  if (grammar !== undefined) throw new Error('latentEntry with a grammar, which has no thoughts');
}

function checkSampling(sampling: SamplingParams, isToken: (id: number) => boolean): void {
  const { temperature, topP, topK, minP, repetitionPenalty, logitBias, seed } = sampling;
  if (!(temperature >= 0 && topP > 0 && repetitionPenalty > 0 && minP >= 0 && minP <= 1)) {
    const given = JSON.stringify({ temperature, topP, minP, repetitionPenalty });
    throw new Error(`sampling out of range: ${given}`);
  }
  atLeast('topK', topK, 0);
  const bad = logitBias.find(([id, bias]) => !isToken(id) || !Number.isFinite(bias));
  if (bad) throw new Error(`logitBias ${bad[1]} of token ${bad[0]}`);
  // Any size and sign will do, but BigInt takes no fractions.
  if (!Number.isInteger(seed)) throw new Error(`seed ${seed} is no whole number`);
}

/** Not a number would stay in the slot and spoil whoever has it next, masked or not. */
function checkVectors(vectors: Float32Array, count: number, width: number): void {
  if (vectors.length !== count * width) {
    throw new Error(
      `${count} thoughts of ${width} need ${count * width} numbers, got ${vectors.length}`,
    );
  }
  const bad = vectors.findIndex((value) => !Number.isFinite(value));
  if (bad !== -1) throw new Error(`thoughts.vectors is ${vectors[bad]} at ${bad}`);
}

function atLeast(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new Error(`${name} must be a whole number from ${least}, got ${value}`);
}

function positive(name: string, value: number | undefined): void {
  if (value === undefined || value > 0) return;
  throw new Error(`${name} must be more than 0, got ${value}`);
}
