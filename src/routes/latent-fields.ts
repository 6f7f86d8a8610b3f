// The request fields that say how many thoughts there are, where they come, when they end and what is fed in their
// place: one schema and its meaning to the engine, for every endpoint that generates text.
import { z } from 'zod';
import { apiError } from '../errors.ts';
import { thoughtControls } from '../model/thought-control.ts';
import { latentAfterSchema } from './latent-after.ts';
import { latentStopSchema } from './latent-stop.ts';
import { type ServedModel, thoughtLimits } from './served-model.ts';

/** OpenAI's seven efforts. */
export const reasoningEfforts = [
  'none',
  'minimal',
  'low',
  'medium',
  'high',
  'xhigh',
  'max',
] as const;

type Effort = (typeof reasoningEfforts)[number];

/** Share of the checkpoint's default number of thoughts, rounded up. */
const effortShares: Record<Effort, number> = {
  none: 0,
  minimal: 1 / 6,
  low: 1 / 3,
  medium: 2 / 3,
  high: 1,
  xhigh: 1,
  max: 1,
};

/** Null counts as absent everywhere. */
export const latentFields = {
  latent_thoughts: z.int().min(0).nullish(),
  thinking_token_budget: z.int().min(0).nullish(),
  latent_after: latentAfterSchema.nullish(),
  latent_stop: latentStopSchema.nullish(),
  latent_control: z.enum(thoughtControls).nullish(),
};

const latentSchema = z.object(latentFields);
export type LatentFields = z.output<typeof latentSchema>;

/** Of a request, with its effort under the name that chat has for it. */
export type ThoughtFields = Pick<LatentFields, 'latent_thoughts' | 'thinking_token_budget'> & {
  reasoning_effort?: Effort | null | undefined;
};

/** latent_thoughts wins; else the effort's share of the checkpoint's default, and no more than the budget. */
export function settleThoughts(fields: ThoughtFields, model: ServedModel): number {
  const limits = thoughtLimits(model.config);
  const { latent_thoughts: asked, reasoning_effort: effort } = fields;
  if (asked == null) {
    const share = effort == null ? 1 : effortShares[effort];
    const budget = fields.thinking_token_budget ?? Number.POSITIVE_INFINITY;
    return Math.min(Math.ceil(share * limits.default), budget);
  }
  if (asked <= limits.maximum) return asked;
  throw apiError('invalid_request', {
    param: 'latent_thoughts',
    message: `latent_thoughts: ${model.id} was trained for at most ${limits.maximum}, got ${asked}`,
  });
}

/** Controls spoil answers on purpose, so a server must have been told to allow them. */
export function checkControl(
  { latent_control }: Pick<LatentFields, 'latent_control'>,
  allowed: boolean,
): void {
  if (latent_control == null || allowed) return;
  const reason = 'It is for experiments: this server runs without ALLOW_LATENT_CONTROL.';
  throw apiError('unsupported_parameter', { param: 'latent_control', reason });
}
