// A checkpoint as the routes see it, and the number of thoughts that a request may ask of it.
import type { Engine } from '../engine/engine.ts';
import { apiError } from '../errors.ts';
import type { ChatTemplate } from '../model/chat-template.ts';
import type { EvalReport } from '../model/eval-report.ts';
import { fillers } from '../model/fillers.ts';
import type { ModelConfig } from '../model/model-config.ts';
import type { Tokenizer } from '../model/tokenizer.ts';

export type ServedModel = {
  id: string;
  createdSeconds: number;
  config: ModelConfig;
  tokenizer: Tokenizer;
  chatTemplate: ChatTemplate;
  /** Tokens that end an answer. */
  eosIds: readonly number[];
  /** What generation_config.json says; OpenAI's own default is 1 for both. */
  samplingDefaults: { temperature: number; topP: number };
  evalReport: EvalReport | null;
  /** sha256 of the weights. */
  weightsSha256: string;
  /** Changes with the weights, the width they are held in, the device and the server's version. */
  systemFingerprint: string;
  /** Positions one sequence can hold: prompt, thoughts, suffix and answer. */
  slotCapacity: number;
  /** Started on first use. */
  engine: () => Engine;
};

/** Throws model_not_found. */
export function findModel(models: readonly ServedModel[], id: string): ServedModel {
  const model = models.find((candidate) => candidate.id === id);
  if (model) return model;
  throw apiError('model_not_found', { model: id, served: models.map((served) => served.id) });
}

/** Thoughts (or pause tokens) when a request says nothing, and the most that training ever used. */
export function thoughtLimits({ coconut }: ModelConfig): { default: number; maximum: number } {
  if (fillers[coconut.filler].slot === null) return { default: 0, maximum: 0 };
  const trained = coconut.max_stage * coconut.thoughts_per_step;
  return {
    default: coconut.default_thoughts,
    maximum: Math.max(coconut.default_thoughts, trained),
  };
}
