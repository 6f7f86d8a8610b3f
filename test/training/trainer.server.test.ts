// The loop on a shortened runs/tiny.json: what it logs, when it evaluates, what it leaves behind.
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { lastQuestionTemplate } from '../../src/model/chat-template.ts';
import { readCheckpoint, readWeights } from '../../src/model/checkpoint.ts';
import { writeCheckpoint } from '../../src/model/checkpoint-writer.ts';
import { dimensionsOf, type ModelConfig, modelConfigSchema } from '../../src/model/model-config.ts';
import { RunDirectory } from '../../src/training/run-directory.ts';
import { train } from '../../src/training/trainer.ts';
import { readTrainingConfig, type TrainingConfig } from '../../src/training/training-config.ts';
import { loadTrainingData } from '../../src/training/training-data.ts';
import { byteTokenizerJson } from '../support/byte-tokenizer.ts';
import { askedOnce, startedRun } from '../support/started-run.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyConfig, tinyWeights } from '../support/tiny-model.ts';
import { constantRate, type RunFile, tinyRun } from '../support/tiny-run.ts';

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const trained = async (config: TrainingConfig, path = join(temporaryDirectory(), 'run')) => {
  const directory = new RunDirectory(path);
  const onStep = vi.fn();
  const evaluate = vi.fn(async () => ({ accuracy: 0.5 }));
  const state = await train(config, directory, { onStep, evaluate });
  const metrics = directory.readMetrics();
  return { path, directory, state, onStep, evaluate, metrics };
};

describe('a shortened runs/tiny.json', () => {
  it('learns, goes on with thoughts, and can be served', { timeout: 300_000 }, async () => {
    const whole = readTrainingConfig(join(import.meta.dirname, '../../runs/tiny.json'));
    const [walks, questions] = whole.segments;
    const config: TrainingConfig = {
      ...whole,
      batch: { groups: 2, perGroup: 4, microBatches: 1 },
      segments: [
        { ...walks!, trainSteps: 16 },
        { ...questions!, trainSteps: 2 },
      ],
      evaluateEverySteps: 18,
      saveEverySteps: 18,
    };
    const { directory, state, metrics, onStep, evaluate } = await trained(config);

    expect(state).toMatchObject({ trainStep: 18, updates: 18, examples: 18 * 8 });
    expect(onStep).toHaveBeenCalledTimes(18);
    const losses = metrics.filter(({ task }) => task === 'walks').map(({ loss }) => Number(loss));
    expect(losses).toHaveLength(16);
    // A vocabulary of some 400: a model that knows nothing is near 6.
    expect(losses[0]).toBeGreaterThan(5);
    expect(mean(losses.slice(-4))).toBeLessThan(4.7);

    const { checkpointPath } = directory;
    expect(evaluate).toHaveBeenCalledTimes(1);
    expect(evaluate).toHaveBeenCalledWith(checkpointPath, expect.anything());
    const checkpoint = readCheckpoint(checkpointPath);
    expect(checkpoint.config.coconut).toMatchObject({
      method: 'coconut',
      filler: 'thought',
      default_thoughts: whole.maxStage * whole.thoughtsPerStep,
    });
    expect(checkpoint.training).toMatchObject({ trainStep: 18, run: { name: 'tiny' } });
    expect(readWeights(checkpoint).size).toBeGreaterThan(0);
  });
});

describe('a llama run', () => {
  it('trains and leaves a llama checkpoint', async () => {
    const model = { architecture: 'llama', layers: 2, width: 16, heads: 4, kvHeads: 2 } as const;
    const config = tinyRun({ model: { ...model, positions: 512 } });
    const { directory, metrics } = await trained(config);
    const losses = metrics.flatMap(({ loss }) => loss ?? []);
    expect(losses).toHaveLength(8);
    expect(losses.every(Number.isFinite)).toBe(true);
    const checkpoint = readCheckpoint(directory.checkpointPath);
    expect(dimensionsOf(checkpoint.config)).toMatchObject({ heads: 4, kvHeads: 2, headSize: 4 });
    expect(checkpoint.config).toMatchObject({ model_type: 'llama', intermediate_size: 64 });
    expect(readWeights(checkpoint).has('model.layers.1.mlp.gate_proj.weight')).toBe(true);
  });
});

describe('a start checkpoint', () => {
  const plain = tinyConfig('cot');
  const llama = modelConfigSchema.parse({
    model_type: 'llama',
    vocab_size: plain.vocab_size,
    max_position_embeddings: 1024,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    eos_token_id: plain.eos_token_id,
    coconut: plain.coconut,
  });

  it.each([
    ['gpt2', { ...plain, n_positions: 1024 }],
    ['llama', llama],
  ] as [string, ModelConfig][])(
    'of %s gives its sizes and its tokenizer, and what is left serves',
    async (_, config) => {
      const start = join(temporaryDirectory(), 'start');
      writeCheckpoint(start, {
        config: { ...config, vocab_size: 257 },
        weights: tinyWeights({ ...config, vocab_size: 257 }, 1),
        tokenizerJson: byteTokenizerJson(['<eos>']),
        chatTemplate: lastQuestionTemplate,
        training: {},
        evalReport: null,
      });
      const { directory, metrics } = await trained(startedRun(start));
      const losses = metrics.flatMap(({ loss }) => loss ?? []).map(Number);
      expect(losses).toHaveLength(2);
      expect(losses.every(Number.isFinite)).toBe(true);
      const checkpoint = readCheckpoint(directory.checkpointPath);
      expect(checkpoint.config).toMatchObject({
        model_type: config.model_type,
        vocab_size: 260,
        torch_dtype: 'float32',
      });
      expect(checkpoint.config.coconut).toMatchObject({ bot_token_id: 257, eot_token_id: 258 });
      expect(checkpoint.tokenizer.encode('<<1+1=2>>')).toHaveLength(9);
      const scored = await askedOnce(directory.checkpointPath);
      expect(scored.as_trained).toMatchObject({ correct: 1, mean_thoughts: 1 });
    },
  );
});

describe('the loop', () => {
  const small = { nodes: [5, 6] as [number, number], minHops: 1, ...constantRate(1e-3) };

  it('evaluates and saves when it is asked to, and at the end', async () => {
    const config = tinyRun({
      segments: [{ ...small, trainSteps: 5 }],
      evaluateEverySteps: 2,
      saveEverySteps: 3,
    });
    const { metrics, directory } = await trained(config);
    const steps = (kind: string) =>
      metrics.filter((line) => line['kind'] === kind).map(({ trainStep }) => trainStep);
    expect(steps('train')).toEqual([1, 2, 3, 4, 5]);
    expect(steps('validation')).toEqual([2, 4, 5]);
    expect(metrics.find(({ kind }) => kind === 'validation')).toMatchObject({ accuracy: 0.5 });
    const { hashes } = loadTrainingData(config);
    expect(directory.resume(config, hashes)!.state.trainStep).toBe(5);
  });

  it('validates with as many thoughts as the stage has', async () => {
    const stages = [0, 1, 3].map((stage) => ({ ...small, trainSteps: 1, stage }));
    const segments = [...stages, { ...small, task: 'walks' as const, trainSteps: 1 }];
    const thoughtsOf = async (changes: Partial<RunFile>) => {
      const config = tinyRun({ segments, evaluateEverySteps: 1, ...changes });
      const asked: number[] = [];
      const evaluate = async (path: string) => {
        asked.push(readCheckpoint(path).config.coconut.default_thoughts);
        return { accuracy: 0 };
      };
      const directory = new RunDirectory(join(temporaryDirectory(), 'run'));
      await train(config, directory, { onStep: () => {}, evaluate });
      return asked;
    };
    expect(await thoughtsOf({ thoughtsPerStep: 2 })).toEqual([0, 2, 4, 4]);
    expect(await thoughtsOf({ method: 'pause-as-thought' })).toEqual([0, 1, 2, 2]);
    expect(await thoughtsOf({ method: 'without-curriculum' })).toEqual([2, 2, 2, 2]);
    expect(await thoughtsOf({ method: 'cot' })).toEqual([0, 0, 0, 0]);
  });

  it('refuses a validation item without room for an answer before it trains', async () => {
    const model = { layers: 1, width: 16, heads: 2, positions: 64 };
    await expect(trained(tinyRun({ model }))).rejects.toThrow(
      /tiny-test: a question needs \d+ of 64 positions: "/,
    );
  });

  it('does nothing more for a run that is over', async () => {
    const config = tinyRun({ segments: [{ ...small, trainSteps: 2 }] });
    const first = await trained(config);
    const again = await trained(config, first.path);
    expect(again.onStep).not.toHaveBeenCalled();
    expect(again.state).toEqual(first.state);
    expect(again.metrics).toEqual(first.metrics);
  });

  it('starts over the optimiser, not the weights, where a segment asks for it', async () => {
    const segments = [
      { ...small, trainSteps: 3 },
      { ...small, trainSteps: 2, resetOptimizer: true },
    ];
    const { metrics } = await trained(tinyRun({ segments }));
    const updates = metrics.filter(({ kind }) => kind === 'train').map((line) => line['updates']);
    expect(updates).toEqual([1, 2, 3, 1, 2]);
  });

  it('goes on from the checkpoint of another run', async () => {
    const { directory } = await trained(tinyRun({ segments: [{ ...small, trainSteps: 2 }] }));
    const config = tinyRun({
      name: 'second',
      start: { kind: 'checkpoint', path: directory.checkpointPath },
      model: null,
      segments: [{ ...small, trainSteps: 1, ...constantRate(1e-12) }],
    });
    const second = await trained(config);
    const weightsOf = (path: string) => {
      const checkpoint = readCheckpoint(path);
      const weights = readWeights(checkpoint);
      // <pause>, of which the method made no use, starts anew.
      const unused = checkpoint.tokenizer.specialId('<pause>')!;
      weights.get('transformer.wte.weight')!.fill(0, unused * 16, (unused + 1) * 16);
      return weights;
    };
    const [before, after] = [directory, second.directory].map((d) => weightsOf(d.checkpointPath));
    for (const [name, values] of before!) {
      const moved = values.map((x, i) => Math.abs(x - after!.get(name)![i]!));
      expect(Math.max(...moved), name).toBeLessThan(1e-6);
    }
  });
});
