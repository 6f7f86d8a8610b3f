// The options that a checkpoint of a method was trained with, in words: what tells its row from the method's own.
import type { CoconutConfig } from './model-config.ts';

type MethodOptions = Pick<CoconutConfig, 'distilled' | 'stop_head' | 'word_steps'> & {
  latent_update: { kind: 'sequential' } | { kind: 'jacobi'; iterations: number };
};

/** Empty where there are none. */
export function methodOptions(options: MethodOptions): string {
  const { distilled, stop_head, latent_update, word_steps } = options;
  const parts = [
    ...(word_steps > 0 ? [`first ${word_steps} in words`] : []),
    ...(distilled ? ['distilled'] : []),
    ...(latent_update.kind === 'jacobi' ? [`${latent_update.iterations} parallel iterations`] : []),
    ...(stop_head ? ['stop head'] : []),
  ];
  return parts.join(', ');
}
