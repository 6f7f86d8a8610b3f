// Prompts scored over a real socket by a real engine: as OpenAI's client asks, and as lm-evaluation-harness does
// (`local-completions`, loglikelihood requests), for each format of the weights.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../src/config.ts';
import { type RealApp, realApp } from './support/real-app.ts';
import { writeTinyCheckpoint } from './support/tiny-model.ts';

type Choice = OpenAI.CompletionChoice;

/** [sum of the continuation's log probabilities, whether it is what greedy decoding gives], as the harness reads them. */
function loglikelihood({ logprobs }: Choice, contextLength: number): [number, boolean] {
  const scores = logprobs!.token_logprobs!.slice(contextLength, -1) as number[];
  const top = logprobs!.top_logprobs!.slice(contextLength, -1);
  const isGreedy = scores.every((score, i) => score === Math.max(...Object.values(top[i]!)));
  return [scores.reduce((sum, score) => sum + score, 0), isGreedy];
}

/** And the digits that are the same for one row as for many: quantised products round activations by block. */
const formats: [Config['weights'], number][] = [
  ['fp32', 4],
  ['int8', 2],
  ['int4', 2],
];

describe.each(formats)('weights in %s', (weights, digits) => {
  let dir: string;
  let app: RealApp;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'coconut-scoring-'));
    writeTinyCheckpoint(dir, { seed: 7, method: 'coconut' });
    // The prompts below are longer than a step's tokens.
    app = await realApp(dir, { WEIGHTS: weights, MAX_PREFILL_TOKENS: '16' });
  }, 120_000);
  afterAll(async () => {
    await app.stop();
    rmSync(dir, { recursive: true });
  });

  const prompt = 'The quick brown fox jumps over the lazy dog.';
  const create = (body: Omit<OpenAI.CompletionCreateParamsNonStreaming, 'model'>) =>
    app.client.completions.create({ model: app.model, ...body });

  const withIds = async (body: Omit<OpenAI.CompletionCreateParamsNonStreaming, 'model'>) => {
    const { choices } = await create({ ...body, return_token_ids: true } as typeof body);
    return choices[0] as Choice & { token_ids: number[] };
  };

  it('a text that was written greedily scores as it did while it was written', async () => {
    const asked = { prompt, max_tokens: 24, temperature: 0, logprobs: 2 };
    const { logprobs, token_ids } = await withIds(asked);
    const ids = [...Buffer.from(prompt), ...token_ids];
    const scored = await create({ prompt: ids, max_tokens: 0, echo: true, logprobs: 2 });
    const { choices, usage } = scored;
    expect(usage).toMatchObject({ prompt_tokens: ids.length, completion_tokens: 0 });
    const scores = choices[0]!.logprobs!.token_logprobs as (number | null)[];
    expect(scores).toHaveLength(ids.length);
    expect(scores[0]).toBeNull();
    expect(choices[0]!.logprobs!.top_logprobs![0]).toBeNull();
    const own = logprobs!.token_logprobs!.slice(0, ids.length - prompt.length);
    own.forEach((score, i) => {
      expect(scores[prompt.length + i]).toBeCloseTo(score, digits);
    });
  });

  it('the harness’s requests are answered with what it adds up', async () => {
    const context = [...Buffer.from(prompt)];
    const { token_ids: next } = await withIds({ prompt, max_tokens: 1, temperature: 0 });
    const other = [...Buffer.from(' yes')];
    const ask = async (prompts: number[][]) => {
      const response = await fetch(`${app.server.url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: app.model,
          prompt: prompts,
          temperature: 0,
          max_tokens: 1,
          logprobs: 1,
          seed: 1234,
          echo: true,
        }),
      });
      expect(response.status).toBe(200);
      return ((await response.json()) as OpenAI.Completion).choices;
    };
    const together = await ask([next, other].map((continuation) => [...context, ...continuation]));
    expect(together.map(({ index }) => index)).toEqual([0, 1]);
    const scores = together.map((choice) => loglikelihood(choice, context.length));
    expect(scores.map(([, isGreedy]) => isGreedy)).toEqual([true, false]);
    // A second time it is in the prefix cache.
    for (const [i, continuation] of [next, other].entries()) {
      const [alone] = await ask([[...context, ...continuation]]);
      expect(loglikelihood(alone!, context.length)[0]).toBeCloseTo(scores[i]![0], digits);
    }
  });
});
