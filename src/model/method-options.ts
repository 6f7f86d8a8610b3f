// The options that a checkpoint of a method was trained with, in words: what tells its row from the method's own.
import type { CoconutConfig } from './model-config.ts';

type MethodOptions = Pick<CoconutConfig, 'distilled' | 'stop_head'> & {
  latent_update: { kind: 'sequential' } | { kind: 'jacobi'; iterations: number };
};

/** Empty where there are none. */
export function methodOptions({ distilled, stop_head, latent_update }: MethodOptions): string {
  const parts = [
    ...(distilled ? ['distilled'] : []),
    ...(latent_update.kind === 'jacobi' ? [`${latent_update.iterations} parallel iterations`] : []),
    ...(stop_head ? ['stop head'] : []),
  ];
  return parts.join(', ');
}
