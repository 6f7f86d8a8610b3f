// What cannot be asked of a checkpoint that refines its thoughts together: they have no order in time, so nothing can
// be told of, put in place of, or stopped at one before the next.
import { apiError } from '../errors.ts';
import type { LatentFields } from './latent-fields.ts';
import type { ServedModel } from './served-model.ts';

type Asked = Pick<LatentFields, 'latent_control' | 'latent_stop'> & { latent_trace?: unknown };

/** Throws unsupported_value, naming the field. */
export function checkParallel(asks: Asked, { id, config }: ServedModel): void {
  if (config.coconut.latent_update.kind === 'sequential') return;
  const { latent_trace, latent_control, latent_stop } = asks;
  const asked = {
    latent_trace: latent_trace || null,
    latent_control: latent_control ?? null,
    'latent_stop.kind': latent_stop && latent_stop.kind !== 'fixed' ? latent_stop.kind : null,
  };
  for (const [param, value] of Object.entries(asked)) {
    if (value === null) continue;
    const given = `${JSON.stringify(value)} with ${id}, whose thoughts are refined together`;
    const supported = param === 'latent_stop.kind' ? '"fixed"' : 'null';
    throw apiError('unsupported_value', { param, given, supported });
  }
}
