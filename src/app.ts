// createApp(): mounts the routes behind their guards and answers every failure. No port, no globals.
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { Hono, type MiddlewareHandler } from 'hono';
import { type ApiError, apiError, toApiError, toErrorBody } from './errors.ts';
import { type Log, logFailure } from './log.ts';
import type { Metrics } from './metrics.ts';
import { countRetries } from './routes/answer-meter.ts';
import type { AppDeps, AppEnv } from './routes/app-context.ts';
import {
  guardHost,
  limitBody,
  refuseWhileDraining,
  requireApiKey,
  requireJson,
} from './routes/guards.ts';
import { openApi } from './routes/openapi.ts';
import { playgroundRoutes } from './routes/playground.ts';
import { healthz, prometheus, readyz } from './routes/probes.ts';
import { limitRate } from './routes/rate-limit.ts';
import { referencePage } from './routes/reference-page.ts';
import { type ApiRoute, apiRoutes } from './routes/route-table.ts';
import { cutStalledReader } from './routes/stalled-reader.ts';
import { oneBeginsPerTurn } from './routes/turns.ts';

export type App = Hono<AppEnv>;

export function createApp(deps: AppDeps): App {
  // Every running answer listens to it; more than ten are no leak.
  setMaxListeners(0, deps.cutoff);
  return appOf(deps, (app) => mountAll(app, deps));
}

/** /metrics alone and without a key, for a port that only whoever scrapes it should reach. */
export function createMetricsApp(deps: AppDeps): App {
  return appOf(deps, (app) => {
    app.use(guardHost({ ...deps.config, apiKeys: [] }));
    app.get('/metrics', prometheus(deps));
  });
}

/** Its routes between what every request passes and what answers for those that no route has. */
function appOf(deps: AppDeps, mountRoutes: (app: App) => void): App {
  const app: App = new Hono<AppEnv>();
  app.use(identify(deps.log));
  app.use(cutStalledReader(deps.config));
  mountRoutes(app);
  refuseOtherMethods(app);
  answerFailures(app, deps.metrics);
  return app;
}

function mountAll(app: App, deps: AppDeps): void {
  // Probes stand before the guards, and a public playground before the key's; whatever is mounted after
  // them, or is not mounted at all, is out of reach without a key. The order decides, so no path can be
  // spelled around it.
  app.get('/healthz', healthz());
  app.get('/readyz', readyz(deps));
  app.get('/ping', readyz(deps));
  const { playground } = deps.config;
  app.use(guardHost(deps.config));
  if (playground === 'public') mountPlayground(app);
  app.use(requireApiKey(deps.config));
  if (playground === 'on') mountPlayground(app);
  app.get('/metrics', prometheus(deps));
  mountApi(app, deps);
  const withKeys = deps.config.apiKeys.length > 0;
  app.get('/openapi.json', openApi(withKeys));
  app.get('/docs', referencePage(withKeys));
}

/** For requests that never reach the app: a Host or a request line that makes no URL. Ends the connection. */
export function answerUnroutable(cause: unknown): Response {
  const malformed = cause instanceof Error && cause.name === 'RequestError';
  const error = malformed
    ? apiError('invalid_request', { param: null, message: `${cause.message}.` })
    : toApiError(cause);
  // Refused before anything was computed.
  const headers = { ...headersFor(newRequestId(), 0), ...error.headers, connection: 'close' };
  return Response.json(toErrorBody(error), { status: error.status, headers });
}

function answerFailures(app: App, metrics: Metrics): void {
  app.notFound((c) => {
    throw apiError('not_found', { method: c.req.method, path: c.req.path.slice(0, 200) });
  });
  app.onError((cause, c) => {
    const error = toApiError(cause);
    logFailure(c.var.log, error);
    if (!c.var.metered) countFailure(metrics, c.req.path, error);
    for (const [name, value] of Object.entries(error.headers)) c.header(name, value);
    return c.json(toErrorBody(error), error.status);
  });
}

const newRequestId = (): string => `req_${randomUUID()}`;

/** On every response of the app, whatever it is. */
function headersFor(requestId: string, ms: number): Record<string, string> {
  return {
    'x-request-id': requestId,
    'openai-version': '2020-10-01',
    'access-control-expose-headers': 'X-Request-ID',
    'openai-processing-ms': String(ms),
  };
}

function mountApi(app: App, deps: AppDeps): void {
  const limited = limitRate(deps.config);
  const bodyGuards = [
    refuseWhileDraining(deps),
    requireJson(),
    limitBody(deps.config),
    oneBeginsPerTurn(),
  ];
  for (const route of apiRoutes) {
    const handler = route.handler(deps);
    for (const path of servedPaths(route)) {
      if (route.method === 'get') app.get(path, handler);
      else {
        if (route.endpoint) app.post(path, countRetries(deps.metrics, route.endpoint));
        app.post(path, limited);
        for (const guard of bodyGuards) app.post(path, guard);
        app.post(path, handler);
      }
    }
  }
}

function mountPlayground(app: App): void {
  for (const { path, handler } of playgroundRoutes()) app.get(path, handler);
}

/** Hugging Face's serving runtimes answer under /openai/v1. */
function servedPaths({ path }: ApiRoute): string[] {
  return path.startsWith('/v1/') ? [path, `/openai${path}`] : [path];
}

/** Gives each request an id and a logger bound to it; a caller's own id is kept where it is plain. */
function identify(log: Log): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const arrivedMs = performance.now();
    c.set('arrivedMs', arrivedMs);
    const given = c.req.header('x-request-id') ?? '';
    const requestId = /^[\w.-]{1,64}$/.test(given) ? given : newRequestId();
    c.set('requestId', requestId);
    c.set('log', log.child({ request_id: requestId }));
    await next();
    const ms = Math.round(performance.now() - arrivedMs);
    for (const [name, value] of Object.entries(headersFor(requestId, ms))) c.header(name, value);
    const { method, path } = c.req;
    c.var.log.debug(
      { method, path: path.slice(0, 200), status: c.res.status, ms },
      'response began',
    );
  };
}

/** Every path that some method has answers the others with 405; called after the last route. */
function refuseOtherMethods(app: App): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (method === 'ALL') continue;
    methods.set(path, (methods.get(path) ?? new Set()).add(method));
  }
  for (const [path, allowed] of methods) {
    if (allowed.has('GET')) allowed.add('HEAD');
    app.all(path, (c) => {
      const { method } = c.req;
      throw apiError('method_not_allowed', { method, path: c.req.path, allow: [...allowed] });
    });
  }
}

/** Only requests for an answer are counted; the model is unknown here, or not to be trusted. */
function countFailure(metrics: Metrics, path: string, { code, status }: ApiError): void {
  const route = apiRoutes.find((candidate) => servedPaths(candidate).includes(path));
  if (route?.method !== 'post' || !route.endpoint) return;
  metrics.coconut_requests_total.inc({
    model: 'none',
    endpoint: route.endpoint,
    status: String(status),
    finish_reason: 'error',
  });
  if (status === 429 || status === 503)
    metrics.coconut_requests_rejected_total.inc({ reason: code });
}
