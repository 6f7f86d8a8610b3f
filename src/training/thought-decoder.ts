// SIM-CoT's auxiliary decoder (arXiv 2509.20317): a second model of the same architecture that must write each
// reasoning step out from the thoughts that stand for it. It shares the word embeddings, exists in training only
// and is no part of a checkpoint.
import { transformerOf } from '../model/architectures.ts';
import { dimensionsOf, type ModelConfig } from '../model/model-config.ts';
import { type ParameterRow, type Parameters, parameterTable } from '../model/parameters.ts';
import type { Dropout, Transformer } from '../model/transformer.ts';
import type { GraphBuilder } from '../onnx/graph.ts';

const PREFIX = 'decoder.';

/** The tensors that the decoder has for itself. @param layers of it */
export function decoderRows(config: ModelConfig, layers: number): ParameterRow[] {
  return parameterTable(decoderConfig(config, layers))
    .filter((row) => !isWords(config, row))
    .map((row) => ({ ...row, name: `${PREFIX}${row.name}` }));
}

/** The decoder over the parameters of model and decoder. */
export function decoderOf(
  g: GraphBuilder,
  config: ModelConfig,
  layers: number,
  parameters: Parameters,
  drop: Dropout,
): Transformer {
  const own = decoderConfig(config, layers);
  const named = parameterTable(own).map((row) => {
    const { name } = row;
    return [name, parameters.get(isWords(config, row) ? name : `${PREFIX}${name}`)!] as const;
  });
  return transformerOf(g, own, new Map(named), drop);
}

function decoderConfig(config: ModelConfig, layers: number): ModelConfig {
  const coconut = { ...config.coconut, stop_head: false };
  return config.model_type === 'gpt2'
    ? { ...config, coconut, n_layer: layers }
    : { ...config, coconut, num_hidden_layers: layers };
}

/** A row per token: embeddings and lm_head. */
const isWords = (config: ModelConfig, { kind, shape, name }: ParameterRow): boolean =>
  kind === 'embedding' && shape[0] === dimensionsOf(config).vocab && !name.endsWith('wpe.weight');
