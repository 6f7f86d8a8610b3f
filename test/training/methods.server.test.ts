// Every row of the methods table, end to end: it trains, its checkpoint says how to ask it, and the server does.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCheckpoint, readWeights } from '../../src/model/checkpoint.ts';
import { dimensionsOf } from '../../src/model/model-config.ts';
import { type MethodName, methodNames } from '../../src/training/methods.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { chat, trainedRun } from '../support/trained-run.ts';

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
  'pause-multipass': { thoughts: 0, fillers: 4 },
  'zero-as-thought': { thoughts: 2, fillers: 2 },
};

const trained = (method: MethodName, path: string) => trainedRun(path, { method });

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
