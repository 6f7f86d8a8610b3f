// Process entry: config → checkpoints → app → listen. SIGTERM or SIGINT: not ready, drain, exit 0;
// a second signal kills at once. Run it with `npm start`.
import { lookup } from 'node:dns/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { createApp, createMetricsApp } from './app.ts';
import { CheckpointEngines, type ServingDeps } from './checkpoint-engines.ts';
import { sinceProcessStart } from './clock.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import { type HttpServer, listen } from './http-server.ts';
import { createLog, type Log } from './log.ts';
import { watchEventLoop } from './loop-watch.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { findNamedModel } from './named-model.ts';
import type { AppDeps, Phase } from './routes/app-context.ts';
import { listCheckpoints, readServedCheckpoints } from './served-checkpoints.ts';
import { ownVersion, versionOf } from './versions.ts';

/** Time for the last error event to leave, once running answers were cut off. */
const cutoffGraceMs = 1000;

async function main(): Promise<void> {
  const metrics = createMetrics();
  const endPhase = phaseClock(metrics);
  endPhase('process', performance.nodeTiming.bootstrapComplete);
  endPhase('import');
  const config = readConfig(process.env);
  const log = createLog(config.logLevel);
  exportBuild(metrics, config);
  const engines = new CheckpointEngines({ config, metrics, log });
  try {
    await serve({ config, metrics, log }, engines, endPhase);
  } catch (error) {
    // A process that exits while the runtime makes a session is aborted by it.
    await drainAll(engines);
    throw error;
  }
}

/** Resolves once the first checkpoint answers. */
async function serve(
  { config, metrics, log }: ServingDeps,
  engines: CheckpointEngines,
  endPhase: EndPhase,
): Promise<void> {
  const named = await findNamedModel(config, log);
  const listed = listCheckpoints(config, named);
  // Its thread maps and packs the weights while this one reads tokenizers and hashes.
  const engineReady = engines.of(listed[0]).ready();
  // Awaited below; what it says is not to be missed before that.
  engineReady.catch(() => {});
  const served = readServedCheckpoints({ config, metrics, log }, listed, engines);
  endPhase('checkpoints');
  const lifecycle = { phase: 'serving' as Phase, cutoff: new AbortController() };
  const deps = {
    models: served.models,
    config,
    metrics,
    log,
    phase: () => lifecycle.phase,
    cutoff: lifecycle.cutoff.signal,
  };
  served.exportInfo();
  const { server, scraped } = await openPorts(deps, config);
  watchEventLoop(metrics);
  endPhase('listen');
  const ids = served.models.map((model) => model.id);
  const urls = { url: server.url, ...(scraped && { metricsUrl: `${scraped.url}/metrics` }) };
  log.info({ ...urls, models: ids }, `coconut-serve on ${server.url}: ${ids.join(', ')}`);
  onSignal(log, () => drain(lifecycle, server, engines, config));
  const { weightsMs, sessionMs } = (await engineReady).endings;
  endPhase('weights', sinceProcessStart(weightsMs));
  endPhase('session_create', sinceProcessStart(sessionMs));
  endPhase('ready');
  log.info({ model: ids[0], ms: Math.round(performance.now()) }, 'ready');
}

/** The API's port, and METRICS_PORT where there is to be one. */
async function openPorts(unbound: AppDeps, config: Config) {
  const { port, metricsPort } = config;
  // Any name may lead to loopback; what is guarded is the address that is bound.
  const { address: host } = await opened('HOST', lookup(config.host));
  const deps = { ...unbound, config: { ...config, host } };
  const onRefused = () => deps.metrics.coconut_connections_refused_total.inc();
  const connections = { max: config.maxConnections, onRefused };
  const server = await opened('PORT', listen(createApp(deps), { host, port }, connections));
  if (metricsPort === undefined) return { server, scraped: null };
  // Told to the end: it closes with the process.
  const metricsApp = createMetricsApp(deps);
  const scraped = await opened('METRICS_PORT', listen(metricsApp, { host, port: metricsPort }));
  return { server, scraped };
}

const opened = <T>(variable: string, opening: Promise<T>): Promise<T> =>
  opening.catch((cause: Error) => {
    throw new ConfigError(`config: ${variable}: ${cause.message}`, { cause });
  });

type EndPhase = (phase: string, sinceStartMs?: number) => void;

/** Of the process as a whole; performance.now() counts from its start. */
const phaseClock =
  ({ coconut_cold_start_seconds: gauge }: Metrics): EndPhase =>
  (phase, sinceStartMs = performance.now()) =>
    gauge.set({ phase }, sinceStartMs / 1000);

function exportBuild(metrics: Metrics, { device }: Config): void {
  // Its package.json only: the runtime itself is the worker's, and slow to load.
  const ort_version = versionOf('onnxruntime-node/package.json');
  const labels = { version: ownVersion, node: process.version, ort_version, ep: device };
  metrics.coconut_build_info.set(labels, 1);
}

function onSignal(log: Log, leave: () => Promise<void>): void {
  let seen = false;
  const onFirst = (signal: NodeJS.Signals) => {
    // Whoever signals twice does not want to wait.
    if (seen) dieOf(signal);
    seen = true;
    log.info({ signal }, 'draining');
    leave().then(
      () => {
        log.info('drained');
        process.exit(0);
      },
      (error) => fail(error),
    );
  };
  process.on('SIGTERM', onFirst);
  process.on('SIGINT', onFirst);
}

/**
 * By the kernel, since process.exit() aborts where the runtime makes a session. The first process of a
 * container takes no such signal, and exits.
 */
function dieOf(signal: NodeJS.Signals): never {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  process.exit(1);
}

/**
 * Listens until the end, so that new requests are told to go elsewhere and the process shows that it
 * lives. Ends running answers with an error event only once DRAIN_SECONDS are over.
 */
async function drain(
  lifecycle: { phase: Phase; cutoff: AbortController },
  server: HttpServer,
  engines: CheckpointEngines,
  config: Config,
): Promise<void> {
  lifecycle.phase = 'leaving';
  await delay(config.leaveMs);
  lifecycle.phase = 'draining';
  await Promise.race([server.idle(), delay(config.drainMs)]);
  lifecycle.cutoff.abort();
  await Promise.race([server.idle(), delay(cutoffGraceMs)]);
  const closed = server.close();
  server.destroy();
  await Promise.all([closed, drainAll(engines)]);
}

async function drainAll({ started }: CheckpointEngines): Promise<void> {
  await Promise.all(started.map((engine) => engine.drain()));
}

function fail(error: unknown): never {
  const lines = error instanceof ConfigError ? error.message : String((error as Error).stack);
  process.stderr.write(`${lines}\n`);
  process.exit(1);
}

main().catch(fail);
