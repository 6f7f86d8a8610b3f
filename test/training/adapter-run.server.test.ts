// A run that trains an adapter over a start checkpoint: what it learns, what it leaves, and that it goes on to the same bits.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adapterTable } from '../../src/model/adapter.ts';
import { adapterFiles, readAdapter } from '../../src/model/adapter-files.ts';
import { readCheckpoint, readWeights } from '../../src/model/checkpoint.ts';
import { parameterTable } from '../../src/model/parameters.ts';
import { mergeAdapter } from '../../src/training/merge.ts';
import { RunDirectory } from '../../src/training/run-directory.ts';
import { train } from '../../src/training/trainer.ts';
import type { TrainingConfig } from '../../src/training/training-config.ts';
import { askedOnce, startedAdapterRun } from '../support/started-run.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyAdapted, writeTinyBase } from '../support/tiny-adapter.ts';

/** Stopped after the step of this number, where there is one. */
async function trained(config: TrainingConfig, path: string, stopAfter?: number) {
  const directory = new RunDirectory(path);
  const stop = new AbortController();
  const onStep = ({ state }: { state: { trainStep: number } }) => {
    if (state.trainStep === stopAfter) stop.abort();
  };
  const evaluate = async () => ({ accuracy: 0 });
  await train(config, directory, { onStep, evaluate }, { stop: stop.signal });
  return directory;
}

describe.each(Object.entries(tinyAdapted))('%s', (_, adapted) => {
  let dir: string;
  let base: string;
  let config: TrainingConfig;
  let whole: RunDirectory;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'coconut-adapter-'));
    base = join(dir, 'base');
    writeTinyBase(base, adapted);
    config = startedAdapterRun(base);
    whole = await trained(config, join(dir, 'whole'));
  }, 300_000);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('learns, and is served', { timeout: 300_000 }, async () => {
    const losses = whole.readMetrics().flatMap(({ loss }) => loss ?? []) as number[];
    expect(losses).toHaveLength(12);
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
    const scored = await askedOnce(whole.checkpointPath);
    expect(scored.as_trained).toMatchObject({ correct: 1, mean_thoughts: 1 });
  });

  it('leaves an adapter, whose merge with the base is the checkpoint', () => {
    const { adapterPath, checkpointPath } = whole;
    const adapter = readAdapter(adapterPath);
    const { sha256 } = readCheckpoint(base);
    expect(adapter).toMatchObject({ base: { path: base, sha256 } });
    const added = readCheckpoint(checkpointPath).config;
    const names = adapterTable({ ...adapted, config: added }).map(({ name }) => name);
    expect([...adapter.weights.keys()]).toEqual(names);
    const again = join(temporaryDirectory(), 'merged');
    mergeAdapter(adapterPath, again);
    expect(readCheckpoint(again).sha256).toBe(readCheckpoint(checkpointPath).sha256);
  });

  it('changes nothing but what it trains', () => {
    const before = readWeights(readCheckpoint(base));
    const after = readWeights(readCheckpoint(whole.checkpointPath));
    for (const { name, kind } of parameterTable(adapted.base)) {
      const kept = after.get(name)!.subarray(0, before.get(name)!.length);
      if (kind === 'matrix') expect(kept, name).not.toEqual(before.get(name));
      else expect(kept, name).toEqual(before.get(name));
    }
  });

  it('goes on, where it was stopped, to the same bits', { timeout: 300_000 }, async () => {
    const path = join(temporaryDirectory(), 'stopped');
    for (const stopAfter of [3, 8]) {
      await trained(config, path, stopAfter);
      expect(new RunDirectory(path).readMetrics().at(-1)!.trainStep).toBe(stopAfter);
    }
    const { adapterPath, checkpointPath } = await trained(config, path);
    const bytes = (dir: string, name: string) => readFileSync(join(dir, name));
    expect(
      bytes(adapterPath, adapterFiles.weights).equals(
        bytes(whole.adapterPath, adapterFiles.weights),
      ),
    ).toBe(true);
    const weights = 'model.safetensors';
    expect(bytes(checkpointPath, weights).equals(bytes(whole.checkpointPath, weights))).toBe(true);
  });

  it('does not go on over another start', { timeout: 300_000 }, async () => {
    const other = temporaryDirectory();
    const moving = join(other, 'base');
    writeTinyBase(moving, adapted);
    const first = readCheckpoint(moving).sha256;
    const own = startedAdapterRun(moving);
    await trained(own, join(other, 'run'), 2);
    writeTinyBase(moving, adapted, 2);
    const second = readCheckpoint(moving).sha256;
    await expect(trained(own, join(other, 'run'))).rejects.toThrow(
      `holds another run: the start file (sha256 ${first}, now ${second}) differ`,
    );
  });
});
