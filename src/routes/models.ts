// GET /v1/models and /v1/models/{id}: what is served, with each checkpoint's thoughts and baseline.
import type { Handler } from 'hono';
import type { AppDeps, AppEnv } from './app-context.ts';
import { findModel, type ServedModel, thoughtLimits } from './served-model.ts';

/** OpenAI's model object, and a `coconut` block beside it. */
export function toModelObject(model: ServedModel): object {
  const baseline = model.evalReport?.cot_baseline;
  return {
    id: model.id,
    object: 'model',
    created: model.createdSeconds,
    owned_by: 'coconut-serve',
    coconut: {
      method: model.config.coconut.method,
      latent_thoughts: thoughtLimits(model.config),
      stop_head: model.config.coconut.stop_head,
      max_positions: model.slotCapacity,
      baseline_task: baseline ? model.evalReport?.data.name : null,
    },
  };
}

export function listModels({ models }: AppDeps): Handler<AppEnv> {
  return (c) => c.json({ object: 'list', data: models.map(toModelObject) });
}

export function retrieveModel({ models }: AppDeps): Handler<AppEnv, '/models/:id{.+}'> {
  return (c) => c.json(toModelObject(findModel(models, c.req.param('id'))));
}
