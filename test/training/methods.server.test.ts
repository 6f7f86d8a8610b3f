// Every row of the methods table, end to end: it trains, its checkpoint says how to ask it, and the server does.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { readCheckpoint, readWeights } from '../../src/model/checkpoint.ts';
import { dimensionsOf } from '../../src/model/model-config.ts';
import { readServedCheckpoints } from '../../src/served-checkpoints.ts';
import { type MethodName, methodNames } from '../../src/training/methods.ts';
import { RunDirectory } from '../../src/training/run-directory.ts';
import { train } from '../../src/training/trainer.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { constantRate, tinyRun } from '../support/tiny-run.ts';

/** Thoughts reported, and filler tokens in the prompt beside the question (markers or pauses). */
const expected: Record<MethodName, { thoughts: number; fillers: number }> = {
  coconut: { thoughts: 2, fillers: 2 },
  cot: { thoughts: 0, fillers: 0 },
  'no-cot': { thoughts: 0, fillers: 0 },
  icot: { thoughts: 0, fillers: 0 },
  pause: { thoughts: 0, fillers: 2 },
  'without-curriculum': { thoughts: 2, fillers: 2 },
  'without-thought': { thoughts: 0, fillers: 0 },
  'pause-as-thought': { thoughts: 0, fillers: 2 },
};

async function trained(method: MethodName, path: string) {
  const segment = { nodes: [5, 6] as [number, number], minHops: 1, ...constantRate(1e-2) };
  const config = tinyRun({
    method,
    segments: [{ ...segment, stage: 3, trainSteps: 2, removedTokens: { from: 2, to: 3 } }],
  });
  const directory = new RunDirectory(path);
  await train(config, directory, { onStep: () => {}, evaluate: async () => ({ accuracy: 0 }) });
  return directory.checkpointPath;
}

async function chat(modelDir: string, content: string) {
  const config = readConfig({ MODEL_DIR: modelDir });
  const [metrics, log] = [createMetrics(), createLog('silent')];
  const served = readServedCheckpoints({ config, metrics, log });
  const cutoff = new AbortController().signal;
  const phase = () => 'serving' as const;
  const app = createApp({ models: served.models, config, metrics, log, phase, cutoff });
  const response = await app.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', host: 'localhost' },
    body: JSON.stringify({
      model: served.models[0]!.id,
      messages: [{ role: 'user', content }],
      max_completion_tokens: 6,
    }),
  });
  const body = (await response.json()) as {
    usage: {
      prompt_tokens: number;
      completion_tokens: number;
      completion_tokens_details: { reasoning_tokens: number };
    };
  };
  for (const engine of served.engines()) await engine.drain();
  return { status: response.status, usage: body.usage };
}

describe.each(methodNames)('%s', (method) => {
  it('trains, and its checkpoint answers a chat request', async () => {
    const dir = await trained(method, join(temporaryDirectory(), 'run'));
    const { tokenizer, config } = readCheckpoint(dir);
    expect(config.coconut.method).toBe(method);
    const question = 'Tom is a lempus. Is Tom a lempus or rompus?';
    const { status, usage } = await chat(dir, question);
    expect(status).toBe(200);
    const { thoughts, fillers } = expected[method];
    expect(usage.completion_tokens_details.reasoning_tokens).toBe(thoughts);
    expect(usage.prompt_tokens).toBe(tokenizer.encode(`${question}\n`).length + fillers);
    expect(usage.completion_tokens).toBeLessThanOrEqual(6);
  });
});

it('a pause method learns its pause embedding', async () => {
  const rowOf = async (method: MethodName) => {
    const checkpoint = readCheckpoint(await trained(method, join(temporaryDirectory(), method)));
    const id = checkpoint.tokenizer.specialId('<pause>')!;
    const { width } = dimensionsOf(checkpoint.config);
    return readWeights(checkpoint)
      .get('transformer.wte.weight')!
      .slice(id * width, (id + 1) * width);
  };
  const [asPrompt, never] = [await rowOf('pause'), await rowOf('no-cot')];
  // Tied to the lm_head, every row moves a little; only the one that is fed moves towards an answer.
  const moved = asPrompt.map((x, i) => Math.abs(x - never[i]!));
  expect(Math.max(...moved)).toBeGreaterThan(1e-3);
});
