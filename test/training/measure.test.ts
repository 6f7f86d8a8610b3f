// Which way of asking lands in which column: an engine that answers by how it was asked.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import type { GenerationRequest, TokenEvent } from '../../src/engine/messages.ts';
import { type Checkpoint, readCheckpoint } from '../../src/model/checkpoint.ts';
import type { Example } from '../../src/training/datasets/example.ts';
import { type Items, identityOf, measure } from '../../src/training/measure.ts';
import { byteTokenizer } from '../support/byte-tokenizer.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type TinyMethod, writeTinyCheckpoint } from '../support/tiny-model.ts';
import { tinyRun } from '../support/tiny-run.ts';

const examples: Example[] = Array.from({ length: 16 }, (_, i) => ({
  question: `${i}`,
  steps: [],
  answer: '',
}));

/** How many of the items are right, by the way they are asked: another number for each. */
const rightOf: Record<string, number> = {
  ...Object.fromEntries(Array.from({ length: 9 }, (_, count) => [`${count} thoughts`, count])),
  'until it stops': 9,
  zero: 10,
  shuffle: 11,
  noise: 12,
  "the next one's": 13,
};

function wayOf({ thoughts, sampling }: GenerationRequest): string {
  if (thoughts.kind === 'given') {
    const next = (sampling.seed! + 1) % examples.length;
    return thoughts.vectors[0] === next ? "the next one's" : 'somebody else’s';
  }
  if (thoughts.stopProbability !== undefined) return 'until it stops';
  return thoughts.control ?? `${thoughts.count} thoughts`;
}

const engine: Pick<Engine, 'submit'> = {
  async *submit(request): AsyncGenerator<TokenEvent> {
    for (const tokenId of byteTokenizer().encode(wayOf(request)))
      yield { kind: 'token', tokenId, logprobs: null };
    const { count } = request.thoughts;
    yield {
      kind: 'finished',
      reason: 'length',
      usage: { promptTokens: 1, cachedTokens: 0, thoughts: count, answerTokens: 5 },
      timings: { queueMs: 0, prefillMs: 0, latentMs: 0, decodeMs: 0 },
      thoughts: new Float32Array(count).fill(request.sampling.seed!),
    };
  },
};

const items: Items = {
  kind: 'prosqa',
  data: { name: 'valid.json', sha256: 'd', items: examples.length, generated: false },
  examples,
  judge: ({ question }, text) => Number(question) < (rightOf[text] ?? 0),
  outcomeOf: (index) => (index < 3 ? 'correct label' : 'incorrect label'),
};

function checkpointOf(method: TinyMethod, training: object = {}): Checkpoint {
  const dir = join(temporaryDirectory(), method);
  writeTinyCheckpoint(dir, { seed: 1, method, run: tinyRun() });
  const checkpoint = readCheckpoint(dir);
  return { ...checkpoint, training: { ...checkpoint.training, ...training } };
}

const right = (run: { accuracy: number }): number => run.accuracy * examples.length;

describe('measure', () => {
  it('has the figures of each way of asking under its own name', async () => {
    const measured = await measure(engine, checkpointOf('coconut'), items, 'whole');
    expect(measured.asTrained).toMatchObject({ thoughts: 3, textTokens: 5, cut: 16 });
    expect(measured.asTrained.right).toBe(`111${'0'.repeat(13)}`);
    expect(measured.asTrained.outcomes).toEqual({ 'correct label': 3, 'incorrect label': 13 });
    expect(measured.byThoughts!.map(right)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const { zero, shuffle, noise, others } = measured.controls!;
    expect([zero, shuffle, noise, others].map(right)).toEqual([10, 11, 12, 13]);
  });

  it('asks a checkpoint that ends its thinking itself for fixed numbers as well', async () => {
    const plain = checkpointOf('coconut');
    const coconut = { ...plain.config.coconut, stop_head: true };
    const checkpoint = { ...plain, config: { ...plain.config, coconut } };
    const measured = await measure(engine, checkpoint, items, 'whole');
    expect(right(measured.asTrained)).toBe(9);
    expect(measured.byThoughts!.map(right)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('spoils thoughts that are refined together once they are known', async () => {
    const plain = checkpointOf('coconut');
    const latent_update = { kind: 'jacobi', iterations: 2, slot_token_id: 1 } as const;
    const coconut = { ...plain.config.coconut, latent_update };
    const asked: GenerationRequest['thoughts'][] = [];
    const noting: typeof engine = {
      submit(request) {
        asked.push(request.thoughts);
        return engine.submit(request);
      },
    };
    const config = { ...plain.config, coconut };
    await measure(noting, { ...plain, config }, items, 'whole');
    const given = asked.filter(({ kind }) => kind === 'given');
    // The next one's, zeros, shuffled and noise: numbers of one each, so that the last two keep their size.
    expect(given).toHaveLength(4 * examples.length);
    const firstOf = (way: number) =>
      given
        .slice(way * examples.length, (way + 1) * examples.length)
        .map((thoughts) => ('vectors' in thoughts ? Math.abs(thoughts.vectors[0]!) : null));
    const own = examples.map((_, index) => index);
    expect([0, 1, 2, 3].map(firstOf)).toEqual([
      own.map((index) => (index + 1) % examples.length),
      own.map(() => 0),
      own,
      own,
    ]);
    expect(asked.filter((thoughts) => 'control' in thoughts)).toEqual([]);
  });

  it('has nothing but the accuracy where no more is asked, or nothing thinks', async () => {
    const bare = { controls: null, byThoughts: null };
    const accuracy = await measure(engine, checkpointOf('coconut'), items, 'accuracy');
    expect(accuracy).toMatchObject(bare);
    expect(right(accuracy.asTrained)).toBe(3);
    expect(await measure(engine, checkpointOf('pause'), items, 'whole')).toMatchObject(bare);
  });
});

describe('identityOf', () => {
  it('counts what the start was trained on, and claims no number where it is not recorded', () => {
    const start = { kind: 'checkpoint' as const, path: 'models/base' };
    const later = { run: tinyRun({ start, model: null }), examples: 100 };
    const examplesOf = (training: object) => identityOf(checkpointOf('coconut', training)).examples;
    expect(examplesOf({ examples: 100 })).toBe(100);
    expect(examplesOf({})).toBeNull();
    expect(examplesOf({ ...later, startExamples: 640 })).toBe(740);
    expect(examplesOf(later)).toBeNull();
  });

  it('is the same for runs that differ in their seed', () => {
    const of = (seed: number, maxStage: number) =>
      identityOf(checkpointOf('coconut', { run: tinyRun({ seed, maxStage }) })).variant;
    expect(of(1, 2)).toBe(of(2, 2));
    expect(of(1, 2)).not.toBe(of(1, 3));
  });
});
