// The `coconut` block of a checkpoint that was never taught to think: an ordinary language model.
import type { CoconutConfig } from '../model/model-config.ts';

export const pretrained: CoconutConfig = {
  method: 'pretrained',
  filler: 'none',
  thoughts_per_step: 0,
  max_stage: 0,
  default_thoughts: 0,
  word_steps: 0,
  bot_token_id: null,
  eot_token_id: null,
  pause_token_id: null,
  answer_marker: '',
  supervision: 'none',
  stop_head: false,
  distilled: false,
  latent_update: { kind: 'sequential' },
  skipped_positions: 0,
};
