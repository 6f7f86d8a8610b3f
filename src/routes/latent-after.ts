// latent_after: whether thoughts come right after the question, after lines of the answer, or where the model writes
// <bot> itself.
import { z } from 'zod';
import type { GenerationRequest } from '../engine/messages.ts';
import { apiError } from '../errors.ts';
import { lineEndIds } from '../model/line-ends.ts';
import { type LatentPlace, trainedPlace } from '../model/prompt.ts';
import type { ServedModel } from './served-model.ts';

/** More steps than any data set's chains have. */
const maxSteps = 64;

export const latentAfterSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('question') }),
  z.object({ kind: z.literal('steps'), count: z.int().min(1).max(maxSteps) }),
  z.object({ kind: z.literal('model') }),
]);

export type LatentAfter = z.output<typeof latentAfterSchema> | null | undefined;

/** As the checkpoint was trained, where the request says nothing. Throws unsupported_value where it has no thoughts. */
export function settlePlace(
  after: LatentAfter,
  { id, config, tokenizer }: ServedModel,
): LatentPlace {
  if (after == null) return trainedPlace(config);
  if (after.kind === 'question') return after;
  if (config.coconut.filler !== 'thought') {
    const given = `"${after.kind}" with ${id}, which has no thoughts`;
    throw apiError('unsupported_value', {
      param: 'latent_after.kind',
      given,
      supported: '"question"',
    });
  }
  return after.kind === 'model' ? after : { ...after, lineEndIds: lineEndIds(tokenizer) };
}

/**
 * A grammar has no place for thoughts in the middle of what it describes. Throws unsupported_value.
 * @param param the field that the format came in
 */
export function checkFormat(
  { grammar, latentEntry }: Pick<GenerationRequest, 'grammar' | 'latentEntry'>,
  param: string,
): void {
  if (grammar === undefined || latentEntry === undefined) return;
  const given = 'a format beside thoughts in the middle of the answer';
  const supported = '"text", or any with latent_after {"kind": "question"}';
  throw apiError('unsupported_value', { param, given, supported });
}
