// A tiny run, trained for a few steps and then asked over HTTP: what a method's checkpoint must be good for.
import { createApp } from '../../src/app.ts';
import { RunDirectory } from '../../src/training/run-directory.ts';
import { train } from '../../src/training/trainer.ts';
import { servedBy } from './served.ts';
import { constantRate, type RunFile, tinyRun } from './tiny-run.ts';

/** Two steps in the last stage unless `changes` say otherwise; returns the checkpoint's path. */
export async function trainedRun(path: string, changes: Partial<RunFile>): Promise<string> {
  const segment = { nodes: [5, 6] as [number, number], minHops: 1, ...constantRate(1e-2) };
  const removal = changes.method === 'icot' && { removedTokens: { from: 2, to: 3 } };
  const config = tinyRun({
    segments: [{ ...segment, stage: (changes.maxStage ?? 2) + 1, trainSteps: 2, ...removal }],
    ...changes,
  });
  const directory = new RunDirectory(path);
  await train(config, directory, { onStep: () => {}, evaluate: async () => ({ accuracy: 0 }) });
  return directory.checkpointPath;
}

export type Answer = {
  status: number;
  error?: { message: string; param: string | null };
  usage: {
    prompt_tokens: number;
    completion_tokens: number;
    completion_tokens_details: { reasoning_tokens: number };
  };
};

/** One chat request to a server of its own. */
export async function chat(modelDir: string, content: string, extra: object = {}): Promise<Answer> {
  const { engines, models, ...deps } = servedBy({ MODEL_DIR: modelDir });
  const cutoff = new AbortController().signal;
  const phase = () => 'serving' as const;
  const app = createApp({ ...deps, models, phase, cutoff });
  const response = await app.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', host: 'localhost' },
    body: JSON.stringify({
      model: models[0]!.id,
      messages: [{ role: 'user', content }],
      max_completion_tokens: 6,
      ...extra,
    }),
  });
  const body = (await response.json()) as Omit<Answer, 'status'>;
  for (const engine of engines.started) await engine.drain();
  return { ...body, status: response.status };
}
