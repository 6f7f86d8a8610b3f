// A checkpoint behind the whole app on a real socket, with an engine of its own.
import OpenAI from 'openai';
import { createApp } from '../../src/app.ts';
import { CheckpointEngines } from '../../src/checkpoint-engines.ts';
import { readConfig } from '../../src/config.ts';
import { type HttpServer, listen } from '../../src/http-server.ts';
import { createLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { listCheckpoints, readServedCheckpoints } from '../../src/served-checkpoints.ts';

export type RealApp = {
  client: OpenAI;
  server: HttpServer;
  model: string;
  stop: () => Promise<void>;
};

/** @param modelDir one checkpoint */
export async function realApp(modelDir: string): Promise<RealApp> {
  const config = readConfig({ MODEL_DIR: modelDir, THREADS: '1' });
  const [metrics, log] = [createMetrics(), createLog('silent')];
  const engines = new CheckpointEngines({ config, metrics, log });
  const listed = listCheckpoints(config, null);
  const { models } = readServedCheckpoints({ config, metrics, log }, listed, engines);
  const cutoff = new AbortController().signal;
  const app = createApp({ models, config, metrics, log, phase: () => 'serving', cutoff });
  const server = await listen(app, { host: '127.0.0.1', port: 0 });
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 });
  const stop = async () => {
    server.destroy();
    await Promise.all(engines.started.map((engine) => engine.drain()));
  };
  return { client, server, model: models[0]!.id, stop };
}
