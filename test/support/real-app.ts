// A checkpoint behind the whole app on a real socket, with an engine of its own.
import OpenAI from 'openai';
import { createApp } from '../../src/app.ts';
import { type HttpServer, listen } from '../../src/http-server.ts';

import { servedBy } from './served.ts';

export type RealApp = {
  client: OpenAI;
  server: HttpServer;
  model: string;
  stop: () => Promise<void>;
};

/** @param modelDir one checkpoint */
export async function realApp(
  modelDir: string,
  environment: Record<string, string> = {},
): Promise<RealApp> {
  const { engines, models, ...deps } = servedBy({
    MODEL_DIR: modelDir,
    THREADS: '1',
    ...environment,
  });
  const cutoff = new AbortController().signal;
  const app = createApp({ ...deps, models, phase: () => 'serving', cutoff });
  const server = await listen(app, { host: '127.0.0.1', port: 0 });
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 });
  const stop = async () => {
    server.destroy();
    await Promise.all(engines.started.map((engine) => engine.drain()));
  };
  return { client, server, model: models[0]!.id, stop };
}
