// SmolLM2-135M-Instruct, where `npm run fetch:smollm2` has put it: chat through its own template gives,
// greedily, what llama.cpp answers over the same weights (test/golden/smollm2.json, which
// bench/compare-llama-cpp.ts writes).
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { completionOf, postChat } from '../support/fake-engine.ts';
import { servedBy } from '../support/served.ts';

const modelDir = 'out/smollm2/smollm2-135m-instruct';
const isFetched = existsSync(modelDir);
if (!isFetched) console.warn(`skipped: ${modelDir} is not there, npm run fetch:smollm2 makes it`);

const goldens = JSON.parse(
  readFileSync(new URL('../golden/smollm2.json', import.meta.url), 'utf8'),
) as { question: string; ids: number[] }[];

describe.skipIf(!isFetched)('SmolLM2-135M-Instruct', () => {
  let served: ReturnType<typeof servedBy>;
  let ask: (question: string) => Promise<string>;

  beforeAll(() => {
    served = servedBy({ MODEL_DIR: modelDir, SLOTS: '4', SLOT_CAPACITY: '128' });
    const cutoff = new AbortController().signal;
    const app = createApp({ ...served, phase: () => 'serving', cutoff });
    ask = async (question) => {
      const messages = [{ role: 'user', content: question }];
      const model = served.models[0]!.id;
      const response = postChat(app, { model, messages, temperature: 0, max_tokens: 40 });
      return (await completionOf(response)).choices[0]!.message.content!;
    };
  });
  afterAll(() => Promise.all(served.engines.started.map((engine) => engine.drain())));

  it('answers as llama.cpp does', { timeout: 600_000 }, async () => {
    const { tokenizer } = served.models[0]!;
    const answers = await Promise.all(goldens.map(({ question }) => ask(question)));
    expect(answers).toEqual(goldens.map(({ ids }) => tokenizer.decode(ids)));
  });
});
