// `train` with several runs, as a user starts it: each in a thread, the same weights as alone.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { whyNoGpu } from '../support/gpu.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { constantRate, type RunFile, tinyRunFile } from '../support/tiny-run.ts';
import '../support/to-be-allclose.ts';
import { signalAfter, startTraining } from '../support/trainer-process.ts';

const walks = (trainSteps: number): RunFile['segments'][number] => ({
  task: 'walks',
  nodes: [5, 6],
  minHops: 1,
  trainSteps,
  ...constantRate(1e-3),
});
const short: RunFile = {
  ...tinyRunFile,
  name: 'short',
  batch: { groups: 1, perGroup: 2 },
  segments: [walks(3)],
};

function written(out: string, ...runs: RunFile[]): string[] {
  return runs.map((run) => {
    const path = join(out, `${run.name}.json`);
    writeFileSync(path, JSON.stringify(run));
    return path;
  });
}

const weights = (out: string, name: string): Buffer =>
  readFileSync(join(out, name, 'checkpoint/model.safetensors'));

const noGpu = await whyNoGpu();

function losses(out: string, name: string): number[] {
  const lines = readFileSync(join(out, name, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');
  return lines
    .map((line) => JSON.parse(line))
    .flatMap(({ kind, loss }) => (kind === 'train' ? loss : []));
}

describe('several runs', { timeout: 300_000 }, () => {
  it('end with the weights that each has alone', async () => {
    const out = temporaryDirectory();
    const [file] = written(out, short);
    const together = await startTraining(file!, out, { flags: ['--seed', '3,4', '--at-once', '2'] })
      .ended;
    expect(together.code, together.output).toBe(0);
    const alone = join(out, 'alone');
    expect((await startTraining(file!, alone, { flags: ['--seed', '4'] }).ended).code).toBe(0);
    expect(weights(out, 'short-seed4').equals(weights(alone, 'short-seed4'))).toBe(true);
    expect(weights(out, 'short-seed3').equals(weights(alone, 'short-seed4'))).toBe(false);
  });

  it('leave one that fails behind, and tell of it', async () => {
    const out = temporaryDirectory();
    const data = { ...short.data, validation: 'nowhere.json' } as RunFile['data'];
    const [bad, good] = written(out, { ...short, name: 'bad', data }, short);
    const { code, output } = await startTraining(bad!, out, { flags: [good!] }).ended;
    expect(code).toBe(1);
    expect(output).toMatch(/^bad: .*nowhere\.json/m);
    expect(weights(out, 'short').length).toBeGreaterThan(0);
  });

  it('are all saved when stopped', async () => {
    const out = temporaryDirectory();
    const long: RunFile = { ...short, name: 'long', segments: [walks(5000)] };
    const [file] = written(out, long);
    const training = startTraining(file!, out, { flags: ['--seed', '1,2,3', '--at-once', '2'] });
    const { code } = await signalAfter(
      'SIGTERM',
      training,
      join(out, 'long-seed2/metrics.jsonl'),
      3,
    );
    expect(code).toBe(75);
    for (const name of ['long-seed1', 'long-seed2']) {
      const { state } = JSON.parse(readFileSync(join(out, name, 'state/state.json'), 'utf8'));
      expect(state.trainStep).toBeGreaterThan(0);
    }
  });

  it('must have names of their own, and WebGPU takes one at a time', async () => {
    const out = temporaryDirectory();
    const [file] = written(out, short);
    const twice = await startTraining(file!, out, { flags: [file!] }).ended;
    expect(twice.output).toMatch(/two of the runs are called short/);
    const gpu = ['--seed', '1,2', '--at-once', '2', '--device', 'webgpu'];
    const refused = await startTraining(file!, out, { flags: gpu }).ended;
    expect(refused.output).toMatch(/--at-once 2: WebGPU computes one run at a time/);
  });

  it.skipIf(noGpu)(
    'have a WebGPU device one after the other, to the losses of the CPU',
    async () => {
      const out = temporaryDirectory();
      const [file] = written(out, { ...short, segments: [walks(2)] });
      const seeds = ['--seed', '3,4'];
      const gpu = [...seeds, '--device', 'webgpu', '--allow-software-gpu'];
      const onDevice = await startTraining(file!, join(out, 'webgpu'), { flags: gpu }).ended;
      expect(onDevice.code, onDevice.output).toBe(0);
      const onCpu = await startTraining(file!, join(out, 'cpu'), { flags: seeds }).ended;
      expect(onCpu.code, onCpu.output).toBe(0);
      for (const name of ['short-seed3', 'short-seed4']) {
        const expected = losses(join(out, 'cpu'), name);
        expect(expected).toHaveLength(2);
        const tolerance = { relative: 1e-4, absolute: 0 };
        expect(losses(join(out, 'webgpu'), name), name).toBeAllclose(expected, tolerance);
        // Not the same bits: it was the device that computed.
        expect(weights(join(out, 'webgpu'), name).equals(weights(join(out, 'cpu'), name))).toBe(
          false,
        );
      }
    },
  );
});
