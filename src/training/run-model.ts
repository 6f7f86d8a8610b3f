// The model that a run trains, as its checkpoint's config.json says it.
import { fillers } from '../model/fillers.ts';
import { type ModelConfig, modelConfigSchema } from '../model/model-config.ts';
import {
  ANSWER_MARKER,
  chainIds,
  lastStage,
  methodStage,
  scheduledTokens,
  stagePlan,
} from './curriculum.ts';
import { methods } from './methods.ts';
import type { ModelSizes, Segment, TrainingConfig } from './training-config.ts';
import type { TrainingData } from './training-data.ts';

/** The model that a run trains: its own sizes or its start's, the data's vocabulary, the method's markers. */
export function toModelConfig(
  config: TrainingConfig,
  { start, tokenizer, vocabulary }: TrainingData,
): ModelConfig {
  const method = methods[config.method];
  const { isMarked, slot } = fillers[method.filler];
  return modelConfigSchema.parse({
    ...(config.model ? architectureFields(config.model) : start?.checkpoint.config),
    vocab_size: tokenizer.vocabSize,
    eos_token_id: vocabulary.eos,
    // Whatever the start was kept in.
    torch_dtype: 'float32',
    coconut: {
      method: config.method,
      filler: method.filler,
      thoughts_per_step: config.thoughtsPerStep,
      max_stage: config.maxStage,
      default_thoughts: slot === null ? 0 : thoughtsAt(lastStage(config), config),
      bot_token_id: isMarked ? vocabulary.bot : null,
      eot_token_id: isMarked ? vocabulary.eot : null,
      pause_token_id: slot === 'pause' ? vocabulary.pause : null,
      answer_marker: ANSWER_MARKER,
      supervision: config.supervision,
      ...trainedOptions(config),
      ...(config.latentUpdate.kind === 'jacobi' && {
        latent_update: { ...config.latentUpdate, slot_token_id: vocabulary.pause },
      }),
    },
  });
}

/**
 * The same as the checkpoint says it after a step of `segment`: it is asked for as many thoughts as the segment's stage
 * has.
 */
export function checkpointConfig(
  modelConfig: ModelConfig,
  config: TrainingConfig,
  data: TrainingData,
  segment: Segment,
  removedTokens: number,
): ModelConfig {
  const { filler } = methods[config.method];
  const isThinking = segment.task === 'questions' && fillers[filler].slot !== null;
  return {
    ...modelConfig,
    coconut: {
      ...modelConfig.coconut,
      ...(isThinking && { default_thoughts: thoughtsAt(segment.stage, config) }),
      ...(config.tokenRemoval.keepPositions && {
        skipped_positions: skippedPositions(config, data, removedTokens),
      }),
    },
  };
}

/** Thoughts of a chain as long as the curriculum at what the schedule calls a stage. */
const thoughtsAt = (scheduled: number, config: TrainingConfig): number =>
  stagePlan(methodStage(methods[config.method], scheduled, config), config.maxStage, config)
    .thoughts;

/**
 * A request does not know its chain's length, so where positions are kept it leaves out the scheduled ones, at most the
 * longest chain's.
 */
function skippedPositions(
  { tokenRemoval }: TrainingConfig,
  { validation, vocabulary }: TrainingData,
  removedTokens: number,
): number {
  const chains = validation.map(({ steps }) => chainIds(steps, vocabulary).length);
  return Math.min(scheduledTokens(removedTokens, tokenRemoval), Math.max(...chains));
}

/** What config.json says of a run's options, but for token ids. */
export const trainedOptions = (config: TrainingConfig) => ({
  word_steps: config.wordSteps,
  stop_head: config.stopHead !== null,
  distilled: config.distillation !== null,
  latent_update: config.latentUpdate,
});

/** The sizes of a run file under the names of Hugging Face's configuration. */
function architectureFields(model: ModelSizes): Record<string, unknown> {
  const { architecture, layers, width, heads, kvHeads, inner, positions } = model;
  if (architecture === 'gpt2') {
    return {
      model_type: 'gpt2',
      n_positions: positions,
      n_embd: width,
      n_layer: layers,
      n_head: heads,
      n_inner: inner,
    };
  }
  return {
    model_type: 'llama',
    max_position_embeddings: positions,
    hidden_size: width,
    intermediate_size: inner ?? 4 * width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads ?? heads,
    tie_word_embeddings: true,
  };
}
