// The one place where an architecture is chosen.
import type { GraphBuilder } from '../onnx/graph.ts';
import { gpt2 } from './gpt2.ts';
import { llama } from './llama.ts';
import type { ModelConfig } from './model-config.ts';
import type { Parameters } from './parameters.ts';
import { type Dropout, noDropout, type Transformer } from './transformer.ts';

/**
 * The model of `config` over the given parameters. It may add tables of its own to the graph.
 * @param drop on what enters the first layer, attention weights and what each half of a layer adds, as in GPT-2
 */
export function transformerOf(
  g: GraphBuilder,
  config: ModelConfig,
  parameters: Parameters,
  drop: Dropout = noDropout,
): Transformer {
  switch (config.model_type) {
    case 'gpt2':
      return gpt2(g, config, parameters, drop);
    case 'llama':
      return llama(g, config, parameters, drop);
  }
}
