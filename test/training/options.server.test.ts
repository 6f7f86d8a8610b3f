// Options that combine with a method's row, end to end: they train, and their checkpoint answers as config.json says.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readCheckpoint, readWeights } from '../../src/model/checkpoint.ts';
import { formats } from '../../src/training/datasets/formats.ts';
import { runOf } from '../../src/training/training-config.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { chat, trainedRun } from '../support/trained-run.ts';

const question = 'Tom is a lempus. Is Tom a lempus or rompus?';
const newRun = () => join(temporaryDirectory(), 'run');

it('a stop head is stored with the weights and ends the thinking', async () => {
  const dir = await trainedRun(newRun(), { stopHead: {}, padThoughts: false, maxStage: 4 });
  const checkpoint = readCheckpoint(dir);
  expect(checkpoint.config.coconut).toMatchObject({ stop_head: true, default_thoughts: 4 });
  const [weight, bias] = ['weight', 'bias'].map(
    (name) => readWeights(checkpoint).get(`latent_stop_head.${name}`)!,
  );
  expect(weight).toHaveLength(2 * 16);
  // It starts at 0 in both classes: whatever is there was learnt.
  expect(Math.abs(bias![0]!)).toBeGreaterThan(1e-3);
  const { status, usage } = await chat(dir, question, {
    latent_stop: { kind: 'classifier', threshold: 1e-6 },
  });
  expect(status).toBe(200);
  expect(usage.completion_tokens_details.reasoning_tokens).toBe(1);
  const fixed = await chat(dir, question, { latent_stop: { kind: 'fixed' } });
  expect(fixed.usage.completion_tokens_details.reasoning_tokens).toBe(4);
});

it('thoughts refined in parallel are served as config.json says, and counted', async () => {
  const dir = await trainedRun(newRun(), {
    latentUpdate: { kind: 'jacobi', iterations: 2 },
    maxStage: 3,
  });
  const { config, tokenizer } = readCheckpoint(dir);
  const slot_token_id = tokenizer.specialId('<pause>');
  expect(config.coconut.latent_update).toEqual({ kind: 'jacobi', iterations: 2, slot_token_id });
  const { status, usage } = await chat(dir, question);
  expect(status).toBe(200);
  expect(usage.completion_tokens_details.reasoning_tokens).toBe(3);
});

it('a checkpoint that writes first says so, and thinks where it writes <bot> or is told to', async () => {
  const dir = await trainedRun(newRun(), { wordSteps: 1 });
  const { config, tokenizer } = readCheckpoint(dir);
  expect(config.coconut).toMatchObject({ word_steps: 1, default_thoughts: 2 });
  const [newline, bot] = [tokenizer.encode('\n')[0]!, tokenizer.specialId('<bot>')!];
  const ask = async (extra: object) => {
    const { status, usage } = await chat(dir, question, extra);
    expect(status).toBe(200);
    expect(usage.prompt_tokens).toBe(tokenizer.encode(`${question}\n`).length + markersOf(extra));
    return usage.completion_tokens_details.reasoning_tokens;
  };
  // Straight after the question both markers are part of the prompt.
  const markersOf = (extra: object) =>
    'latent_after' in extra && extra.latent_after === first ? 2 : 0;
  const first = { kind: 'question' };
  const lines = { logit_bias: { [newline]: 100 } };
  expect(await ask({ logit_bias: { [bot]: 100 } })).toBe(2);
  expect(await ask(lines)).toBe(0);
  expect(await ask({ ...lines, latent_after: { kind: 'steps', count: 2 } })).toBe(2);
  expect(await ask({ ...lines, latent_after: { kind: 'steps', count: 5 } })).toBe(0);
  expect(await ask({ latent_after: first })).toBe(2);
});

it('a distilled checkpoint says so, and one with a decoder leaves it behind', async () => {
  const dir = await trainedRun(newRun(), {
    distillation: {},
    supervision: 'decoder',
    decoderLayers: 1,
  });
  const checkpoint = readCheckpoint(dir);
  expect(checkpoint.config.coconut).toMatchObject({ distilled: true, supervision: 'decoder' });
  expect([...checkpoint.header.tensors.keys()].filter((name) => /decoder/.test(name))).toEqual([]);
  expect((await chat(dir, question)).status).toBe(200);
});

it('iCoT that keeps positions answers from where training had its answers', async () => {
  const icot = { method: 'icot', tokenRemoval: { smoothing: null, keepPositions: true } } as const;
  const kept = readCheckpoint(await trainedRun(newRun(), icot));
  // Two steps: 2, then 3 tokens were gone, of a chain that has more.
  expect(kept.config.coconut.skipped_positions).toBe(3);
  const all = { ...icot, tokenRemoval: { ...icot.tokenRemoval, allBeyond: 3 } };
  const dir = await trainedRun(newRun(), all);
  const { config, tokenizer, training } = readCheckpoint(dir);
  const { validation } = runOf(readCheckpoint(dir)).data;
  expect(training['run']).toMatchObject(all);
  const [first] = formats.prosqa.read(validation, 'throw').items;
  const chain = first!.steps.map((step) => `${step}\n`).join('');
  expect(config.coconut.skipped_positions).toBe(tokenizer.encode(chain).length);
  const { status, usage } = await chat(dir, question);
  expect(status).toBe(200);
  expect(usage.prompt_tokens).toBe(tokenizer.encode(`${question}\n`).length);
  // 512 positions, of which the chain's stay free: what is left over bounds the question.
  const facts = (count: number) => Array(count).fill('Tom is a lempus.').join(' ');
  const length = (count: number) => tokenizer.encode(`${facts(count)}\n`).length;
  let tooMany = 1;
  while (length(tooMany) + config.coconut.skipped_positions < 512) tooMany++;
  expect((await chat(dir, facts(tooMany))).status).toBe(400);
  expect((await chat(dir, facts(tooMany - 1))).status).toBe(200);
});
