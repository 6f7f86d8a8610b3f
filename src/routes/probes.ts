// /healthz (the process turns), /readyz and /ping (the default model answers), /metrics.
import type { Handler } from 'hono';
import type { AppDeps, AppEnv } from './app-context.ts';

export function healthz(): Handler<AppEnv> {
  return (c) => c.json({ status: 'ok' });
}

/** 503 while the default engine loads, once it failed, and from SIGTERM on. */
export function readyz({ models, phase }: AppDeps): Handler<AppEnv> {
  return (c) => {
    const now = phase();
    const state = now === 'serving' ? (models[0]?.engine().state ?? 'failed') : now;
    return c.json({ status: state }, state === 'ready' ? 200 : 503);
  };
}

export function prometheus({ metrics }: AppDeps): Handler<AppEnv> {
  return async (c) =>
    c.body(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType });
}
