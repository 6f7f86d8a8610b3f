// npm run bench:gsm-step -- runs/gsm8k-coconut-gpt2.json --shape gpt2-small
// Updates of a run file's batch on random weights of a published shape, at its last stage: seconds, memory and
// floating-point operations, and what the whole run would then cost here and on one GPU. Rows are all of one length.
// A run that trains an adapter does so over a base in a temporary directory, as large as the model.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freshAdapter } from '../src/model/adapter.ts';
import { readModelFiles } from '../src/model/checkpoint.ts';
import { fillers } from '../src/model/fillers.ts';
import { type ModelConfig, modelConfigSchema } from '../src/model/model-config.ts';
import { parameterCount } from '../src/model/parameters.ts';
import { sizeOf } from '../src/onnx/graph.ts';
import { Random } from '../src/random.ts';
import { collate, type TrainBatch } from '../src/training/collate.ts';
import { lastStage, methodStage, stagePlan } from '../src/training/curriculum.ts';
import { Learner } from '../src/training/learner.ts';
import { methods } from '../src/training/methods.ts';
import { totalSteps } from '../src/training/schedule.ts';
import { readTrainingConfig, type TrainingConfig } from '../src/training/training-config.ts';
import {
  adaptedBy,
  type FrozenBase,
  gradientGraph,
  trainedRows,
} from '../src/training/training-graph.ts';
import { gemmOperations, gemmPeak } from './gemm.ts';
import { gpt2Small, randomWeights, writeRandomCheckpoint } from './random-checkpoint.ts';

const shapes: Readonly<Record<string, ModelConfig>> = {
  'gpt2-small': gpt2Small,
  'smollm2-135m': modelConfigSchema.parse({
    model_type: 'llama',
    vocab_size: 49_155,
    max_position_embeddings: 8192,
    hidden_size: 576,
    intermediate_size: 1536,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    rope_theta: 100_000,
    tie_word_embeddings: true,
    eos_token_id: 49_152,
    coconut: { ...gpt2Small.coconut, bot_token_id: 49_153, eot_token_id: 49_154 },
  }),
};

type Options = { shape: string; question: number; tail: number; steps: number; gpuTflops: number };

function readOptions(): { run: TrainingConfig; options: Options } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      shape: { type: 'string', default: 'gpt2-small' },
      // GSM8k's published training problems have 61 tokens on average, and 42 of chain and answer.
      question: { type: 'string', default: '64' },
      tail: { type: 'string', default: '16' },
      steps: { type: 'string', default: '1' },
      // Of one A100, float32 without tensor cores.
      'gpu-tflops': { type: 'string', default: '19.5' },
    },
  });
  const [run, ...more] = positionals;
  if (run === undefined || more.length > 0)
    throw new Error(`name one run file, not ${positionals.length}`);
  if (!(values.shape in shapes))
    throw new Error(`--shape ${values.shape}: one of ${Object.keys(shapes).join(', ')}`);
  const positive = (name: 'question' | 'tail' | 'steps' | 'gpu-tflops'): number => {
    const value = Number(values[name]);
    if (!(value > 0)) throw new Error(`--${name}: "${values[name]}" is no positive number`);
    return value;
  };
  const options = {
    shape: values.shape,
    question: positive('question'),
    tail: positive('tail'),
    steps: positive('steps'),
    gpuTflops: positive('gpu-tflops'),
  };
  return { run: readTrainingConfig(run), options };
}

/** The run's batch at its last stage: so many rows in so many parts, tokens by a formula. */
function batchesOf(run: TrainingConfig, { question, tail }: Options): TrainBatch[] {
  const method = methods[run.method];
  const { thoughts } = stagePlan(methodStage(method, lastStage(run), run), run.maxStage, run);
  const { isMarked, ownPasses } = fillers[method.filler];
  const { groups, perGroup, microBatches } = run.batch;
  const rows = (groups * perGroup) / microBatches;
  const ids = (count: number, seed: number): number[] =>
    Array.from({ length: count }, (_, t) => (31 * seed + 7919 * t) % 40_000);
  return Array.from({ length: microBatches }, (_, part) => {
    const examples = Array.from({ length: rows }, (_, b) => ({
      questionIds: ids(question, part * rows + b),
      written: 0,
      thoughts: ownPasses ? thoughts : 0,
      tailIds: ids(tail, part * rows + b + 1),
      unlabelled: isMarked ? 1 : 0,
    }));
    const batch = collate([{ contextIds: [], examples }], { context: 1, question: 1, tail: 1 });
    const weights = batch.feeds['label_weights']!.data as Float32Array;
    for (let i = 0; i < weights.length; i++) weights[i]! /= microBatches;
    return batch;
  });
}

/** @param dir where the base goes, if the run is to have one */
function frozenBase({ lora }: TrainingConfig, config: ModelConfig, dir: string): FrozenBase | null {
  if (!lora) return null;
  writeRandomCheckpoint(dir, config);
  return { lowRank: lora, files: readModelFiles(dir) };
}

async function measure(dir: string): Promise<void> {
  const { run, options } = readOptions();
  const config = shapes[options.shape]!;
  const base = frozenBase(run, config, dir);
  const random = new Random(run.seed);
  const weights = base
    ? freshAdapter(adaptedBy(config, base), new Map(), () => random.uniform())
    : randomWeights(config);
  const batches = batchesOf(run, options);
  const operations = batches.reduce(
    (sum, { shape }) => sum + gemmOperations(gradientGraph(config, shape, base)),
    0,
  );
  const peak = await gemmPeak(1, 'processor');
  const computation = { device: 'cpu', threads: run.threads } as const;
  const learner = new Learner(config, weights, run.optimizer, computation, [], base);
  const load = loadavg().map((x) => x.toFixed(1));
  console.log(`${cpus()[0]!.model}, ${cpus().length} cores, load average ${load.join(' ')}`);
  console.log(
    `${options.shape}, ${parameterCount(config)} parameters; ${run.name}: ${JSON.stringify(run.batch)}, ` +
      `each part ${JSON.stringify(batches[0]!.shape)}`,
  );
  const trained = trainedRows(config, base).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  console.log(
    `${trained} numbers trained: ${((trained * 4) / 1e6).toFixed(1)} MB of gradient, as much of each moment, ${((trained * 2) / 1e6).toFixed(1)} MB in half precision`,
  );
  let processorSeconds = 0;
  for (let step = 0; step < options.steps; step++) {
    const [wall, processor] = [performance.now(), process.cpuUsage()];
    const { loss } = await learner.step(batches, 1e-5);
    const { user, system } = process.cpuUsage(processor);
    processorSeconds = (user + system) / 1e6;
    console.log(
      `update ${step + 1}: ${((performance.now() - wall) / 1e3).toFixed(1)} s, ` +
        `${(user / 1e6).toFixed(1)} + ${(system / 1e6).toFixed(1)} s of processor (user + system), loss ${loss.toFixed(3)}` +
        `${step === 0 ? ', compiling included' : ''}`,
    );
  }
  await learner.release();
  const used = operations / processorSeconds / peak;
  console.log(`peak memory ${(process.resourceUsage().maxRSS / 1e6).toFixed(1)} GB`);
  console.log(
    `${(operations / 1e12).toFixed(2)} TFLOP of matrix products an update, ` +
      `${(operations / processorSeconds / 1e9).toFixed(1)} GFLOP/s of processor time, ${used.toFixed(2)} of the ${(peak / 1e9).toFixed(1)} GFLOP/s that one core reaches in products alone`,
  );
  const updates = totalSteps(run);
  const hours = (secondsEach: number): string => ((updates * secondsEach) / 3600).toFixed(1);
  const gpuSeconds = operations / (options.gpuTflops * 1e12 * used);
  console.log(
    `estimate for ${updates} updates, all as costly as this one: ${hours(processorSeconds)} hours of one core here; ` +
      `${hours(gpuSeconds)} hours of a GPU of ${options.gpuTflops} TFLOP/s, if as well used`,
  );
}

const dir = mkdtempSync(join(tmpdir(), 'gsm-step-'));
try {
  await measure(join(dir, 'base'));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
