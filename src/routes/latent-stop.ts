// latent_stop: when thinking ends before the number of thoughts that a request allows.
import { z } from 'zod';
import type { ModelThoughts } from '../engine/messages.ts';
import { apiError } from '../errors.ts';
import { STOP_PROBABILITY } from '../model/model-config.ts';
import type { ServedModel } from './served-model.ts';

const threshold = z.number().gt(0).max(1);

export const latentStopSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('fixed') }),
  z.object({ kind: z.literal('convergence'), threshold }),
  z.object({ kind: z.literal('classifier'), threshold: threshold.default(STOP_PROBABILITY) }),
]);

export type LatentStop = z.output<typeof latentStopSchema> | null | undefined;

type StopRule = Pick<ModelThoughts, 'stopCosine' | 'stopProbability'>;

/**
 * Where the request says nothing, a checkpoint with a stop head decides by itself. Throws
 * unsupported_value where it is asked to and has none.
 */
export function toStopRule(stop: LatentStop, { id, config }: ServedModel): StopRule {
  const { stop_head: hasHead } = config.coconut;
  if (stop == null) return hasHead ? { stopProbability: STOP_PROBABILITY } : {};
  if (stop.kind === 'fixed') return {};
  if (stop.kind === 'convergence') return { stopCosine: stop.threshold };
  if (hasHead) return { stopProbability: stop.threshold };
  throw apiError('unsupported_value', {
    param: 'latent_stop.kind',
    given: `"classifier" with ${id}, which has no stop head`,
    supported: '"fixed", "convergence"',
  });
}
