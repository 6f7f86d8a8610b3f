// GET /v1/models and /v1/models/{id}: what is served, with each checkpoint's thoughts and baseline.
import type { Handler } from 'hono';
import type { EvalReport } from '../model/eval-report.ts';
import type { AppDeps, AppEnv } from './app-context.ts';
import { messagesRead } from './chat-prompt.ts';
import { findModel, type ServedModel, thoughtLimits } from './served-model.ts';

/** OpenAI's model object, and a `coconut` block beside it. */
export function toModelObject(model: ServedModel): object {
  const report = model.evalReport;
  return {
    id: model.id,
    object: 'model',
    created: model.createdSeconds,
    owned_by: 'coconut-serve',
    coconut: {
      method: model.config.coconut.method,
      latent_thoughts: thoughtLimits(model.config),
      word_steps: model.config.coconut.word_steps,
      stop_head: model.config.coconut.stop_head,
      max_positions: model.slotCapacity,
      reads: messagesRead(model),
      baseline_task: report?.cot_baseline ? report.data.name : null,
      evaluation: report && toEvaluation(report),
    },
  };
}

/** What was measured of these weights, and of the chain-of-thought checkpoint beside them. */
function toEvaluation({ data, as_trained, cot_baseline }: EvalReport) {
  return {
    data: data.name,
    items: as_trained.items,
    accuracy: as_trained.accuracy,
    mean_thoughts: as_trained.mean_thoughts,
    mean_text_tokens: as_trained.mean_text_tokens,
    cot_baseline: cot_baseline && {
      model: cot_baseline.checkpoint,
      accuracy: cot_baseline.accuracy,
      mean_text_tokens: cot_baseline.mean_text_tokens,
    },
  };
}

export function listModels({ models }: AppDeps): Handler<AppEnv> {
  return (c) => c.json({ object: 'list', data: models.map(toModelObject) });
}

export function retrieveModel({ models }: AppDeps): Handler<AppEnv, '/models/:id{.+}'> {
  return (c) => c.json(toModelObject(findModel(models, c.req.param('id'))));
}
