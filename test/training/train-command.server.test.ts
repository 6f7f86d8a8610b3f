// `train --device webgpu` as a user starts it.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { whyNoGpu } from '../support/gpu.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { constantRate, type RunFile, tinyRunFile } from '../support/tiny-run.ts';
import { startTraining } from '../support/trainer-process.ts';

const noGpu = await whyNoGpu();
const run: RunFile = {
  ...tinyRunFile,
  name: 'on-device',
  batch: { groups: 1, perGroup: 2 },
  segments: [{ task: 'walks', trainSteps: 1, nodes: [5, 6], minHops: 1, ...constantRate(1e-3) }],
};

describe.skipIf(noGpu)('on WebGPU', { timeout: 900_000 }, () => {
  it('trains, and takes a software adapter only when told to', async () => {
    const out = temporaryDirectory();
    const runFile = join(out, 'run.json');
    writeFileSync(runFile, JSON.stringify(run));
    const train = (...flags: string[]) => startTraining(runFile, out, { flags }).ended;
    const refused = await train('--device', 'webgpu');
    // With a GPU there is nothing to refuse.
    const isSoftware = refused.code !== 0;
    if (isSoftware) {
      expect(refused.output).toMatch(
        /device webgpu: no GPU, only a software adapter \(.+\); pass --allow-software-gpu/,
      );
      expect(existsSync(join(out, run.name))).toBe(false);
      const allowed = await train('--device', 'webgpu', '--allow-software-gpu');
      expect(allowed.code, allowed.output).toBe(0);
      expect(allowed.output).toMatch(/^webgpu: lib\w+/m);
    }
    expect(existsSync(join(out, run.name, 'checkpoint/model.safetensors'))).toBe(true);
  });
});
