// Rotary position embeddings (Su et al. 2021, arXiv 2104.09864) as tables: the angle of each pair of
// coordinates at each position, and how Llama 3 stretches the slow ones. Computed in float64.
import { dimensionsOf, type LlamaConfig, type RopeScaling } from './model-config.ts';

/** cos and sin [P, Dh]: both halves of a head carry the same angles; the sine's lower half is negated. */
export function rotaryTables(config: LlamaConfig): { cos: Float32Array; sin: Float32Array } {
  const { positions: P, headSize } = dimensionsOf(config);
  const half = headSize / 2;
  const frequencies = rotaryFrequencies(config);
  const [cos, sin] = [new Float32Array(P * headSize), new Float32Array(P * headSize)];
  for (let position = 0; position < P; position++) {
    for (const [i, frequency] of frequencies.entries()) {
      const angle = position * frequency;
      const at = position * headSize + i;
      cos[at] = cos[at + half] = Math.cos(angle);
      sin[at + half] = Math.sin(angle);
      sin[at] = -sin[at + half]!;
    }
  }
  return { cos, sin };
}

/** Radians per position of each of the Dh / 2 pairs, fastest first. */
export function rotaryFrequencies(config: LlamaConfig): number[] {
  const { headSize } = dimensionsOf(config);
  const { rope_theta, rope_scaling } = config;
  const plain = Array.from({ length: headSize / 2 }, (_, i) => rope_theta ** ((-2 * i) / headSize));
  return rope_scaling === null ? plain : plain.map((frequency) => scaled(frequency, rope_scaling));
}

/**
 * llama3: pairs that turn often within the original length stay, pairs that turn less than once or so
 * are slowed by `factor`, and those between are blended.
 */
function scaled(frequency: number, scaling: RopeScaling): number {
  if (scaling.rope_type === 'linear') return frequency / scaling.factor;
  const { factor, low_freq_factor: low, high_freq_factor: high } = scaling;
  const turns = (scaling.original_max_position_embeddings * frequency) / (2 * Math.PI);
  const share = Math.min(1, Math.max(0, (turns - low) / (high - low)));
  return (1 - share) * (frequency / factor) + share * frequency;
}
