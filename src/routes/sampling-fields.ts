// The request fields that decide how text tokens are picked and when they end: one schema and its
// meaning to the engine, for every endpoint that generates text.
import { randomInt } from 'node:crypto';
import { z } from 'zod';
import type { GenerationRequest, SamplingParams } from '../engine/messages.ts';
import { apiError } from '../errors.ts';
import { listOf, recordOf } from './bounded-lists.ts';
import type { ServedModel } from './served-model.ts';

const stopString = z.string().min(1).max(256);
const tokenIdKey = z.string().regex(/^\d{1,10}$/, 'expected a token id');
const maxBiases = 1024;
const tokenId = z.int().min(0);

/** Bodies may be full of them: each is looked at here, and once more by its schema. */
const isTokenId = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;

export const tokenIdsOf = (bounds: { min?: number; max: number }) =>
  listOf(tokenId, { ...bounds, takes: isTokenId });

/** Null counts as absent everywhere. */
export const samplingFields = {
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  /** -1 and 0 both mean all. */
  top_k: z
    .int()
    .min(-1)
    .max(2 ** 31 - 1)
    .nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  repetition_penalty: z.number().min(0.01).max(100).nullish(),
  logit_bias: recordOf(tokenIdKey, z.number().min(-100).max(100), {
    max: maxBiases,
    unit: 'ids',
  }).nullish(),
  // Not z.int(): clients send 64-bit seeds, which lose their last bits here but must not fail.
  seed: z.number().refine(Number.isInteger, 'expected a whole number').nullish(),
  stop: z.union([stopString, listOf(stopString, { max: 4 })]).nullish(),
  stop_token_ids: tokenIdsOf({ max: 64 }).nullish(),
  ignore_eos: z.boolean().nullish(),
  min_tokens: z.int().min(0).nullish(),
};

const samplingSchema = z.object(samplingFields);
export type SamplingFields = z.output<typeof samplingSchema>;

/** The stop strings of a request, an empty list where it has none. */
export function stopStrings({ stop }: Pick<SamplingFields, 'stop'>): string[] {
  return typeof stop === 'string' ? [stop] : (stop ?? []);
}

/** Throws invalid_request for a bias on an id that the checkpoint does not have. */
export function toSampling(fields: SamplingFields, model: ServedModel): SamplingParams {
  const temperature = fields.temperature ?? model.samplingDefaults.temperature;
  const topP = fields.top_p ?? model.samplingDefaults.topP;
  const biases = Object.entries(fields.logit_bias ?? {});
  return {
    // A nucleus of no mass still holds the likeliest token: that is greedy.
    temperature: topP === 0 ? 0 : temperature,
    topP: topP === 0 ? 1 : topP,
    topK: Math.max(0, fields.top_k ?? 0),
    minP: fields.min_p ?? 0,
    presencePenalty: fields.presence_penalty ?? 0,
    frequencyPenalty: fields.frequency_penalty ?? 0,
    repetitionPenalty: fields.repetition_penalty ?? 1,
    logitBias: biases.map(([id, bias]) => [knownId(Number(id), 'logit_bias', model), bias]),
    seed: fields.seed ?? randomInt(2 ** 32),
  };
}

/**
 * @param maxTokens text tokens that the answer may have at most
 * Throws invalid_request for an unknown stop id, or where the answer must be longer than it may be.
 */
export function toStopRules(
  fields: SamplingFields,
  model: ServedModel,
  maxTokens: number,
): Pick<GenerationRequest, 'stopIds' | 'minTokens'> {
  const own = (fields.stop_token_ids ?? []).map((id) => knownId(id, 'stop_token_ids', model));
  const minTokens = fields.min_tokens ?? 0;
  if (minTokens > maxTokens) {
    throw apiError('invalid_request', {
      param: 'min_tokens',
      message: `min_tokens: ${minTokens} is more than the ${maxTokens} text tokens that may come`,
    });
  }
  return { stopIds: fields.ignore_eos ? own : [...model.eosIds, ...own], minTokens };
}

function knownId(id: number, param: string, { tokenizer }: ServedModel): number {
  if (id < tokenizer.vocabSize) return id;
  throw apiError('invalid_request', {
    param,
    message: `${param}: ${id} is no token id of this checkpoint (0 to ${tokenizer.vocabSize - 1})`,
  });
}
