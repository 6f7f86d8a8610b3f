// /healthz (the process turns), /readyz and /ping (the default model answers), /metrics.
import type { Handler } from 'hono';
import type { EngineState } from '../engine/engine.ts';
import type { AppDeps, AppEnv, Phase } from './app-context.ts';

export function healthz(): Handler<AppEnv> {
  return (c) => c.json({ status: 'ok' });
}

/** 503 while the default engine loads, once it failed, and from SIGTERM on. */
export function readyz(deps: AppDeps): Handler<AppEnv> {
  return (c) => {
    const state = stateOf(deps);
    return c.json({ status: state }, state === 'ready' ? 200 : 503);
  };
}

export function prometheus(deps: AppDeps): Handler<AppEnv> {
  const { registry, coconut_ready } = deps.metrics;
  return async (c) => {
    coconut_ready.set(stateOf(deps) === 'ready' ? 1 : 0);
    return c.body(await registry.metrics(), 200, { 'content-type': registry.contentType });
  };
}

function stateOf({ models, phase }: AppDeps): EngineState | Phase {
  const now = phase();
  return now === 'serving' ? (models[0]?.engine().state ?? 'failed') : now;
}
