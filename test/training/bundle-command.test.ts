// A run directory → a checkpoint directory to keep: what is in it, what is refused.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { writeAdapter } from '../../src/model/adapter-files.ts';
import { lastQuestionTemplate } from '../../src/model/chat-template.ts';
import { readCheckpoint, readWeights } from '../../src/model/checkpoint.ts';
import { writeCheckpoint, writeEvalReport } from '../../src/model/checkpoint-writer.ts';
import { float16ToNumber, numberToFloat16 } from '../../src/model/half-floats.ts';
import { bundleAdapter, bundleCommand, bundleRun } from '../../src/training/bundle-command.ts';
import { mergeAdapter } from '../../src/training/merge.ts';
import { RunDirectory } from '../../src/training/run-directory.ts';
import { totalSteps } from '../../src/training/schedule.ts';
import { runOf } from '../../src/training/training-config.ts';
import { byteTokenizerJson } from '../support/byte-tokenizer.ts';
import { evalReportOf } from '../support/eval-reports.ts';
import { trainPoint } from '../support/run-metrics.ts';
import { startedAdapterRun } from '../support/started-run.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyAdapted, tinyAdapterWeights, writeTinyBase } from '../support/tiny-adapter.ts';
import { tinyConfig, tinySpecials, tinyWeights } from '../support/tiny-model.ts';
import { tinyRun } from '../support/tiny-run.ts';

const run = tinyRun({ seed: 4711 });

function runDirectory(
  trainStep = totalSteps(run),
  weightSeed = 1,
  change: (weights: Map<string, Float32Array>) => void = () => {},
): RunDirectory {
  const directory = new RunDirectory(join(temporaryDirectory(), 'some-run'));
  directory.appendMetrics(trainPoint(1));
  directory.appendMetrics(trainPoint(2));
  const config = tinyConfig('coconut');
  const weights = tinyWeights(config, weightSeed);
  change(weights);
  writeCheckpoint(directory.checkpointPath, {
    config,
    weights,
    tokenizerJson: byteTokenizerJson(tinySpecials),
    chatTemplate: lastQuestionTemplate,
    training: { run, trainStep },
    evalReport: null,
  });
  return directory;
}

const bundle = (directory: RunDirectory, target: string, half = false) =>
  bundleRun(directory.path, target, { half, maxWeightsBytes: 1e6 });

describe('bundleRun', () => {
  it('keeps weights, run file, seed and log, under a model card of the new name', () => {
    const directory = runDirectory();
    const target = join(temporaryDirectory(), 'kept');
    const checkpoint = bundle(directory, target);
    expect(checkpoint.id).toBe('kept');
    expect(checkpoint.sha256).toBe(readCheckpoint(directory.checkpointPath).sha256);
    expect(runOf(checkpoint)).toEqual(run);
    const log = readFileSync(join(target, 'metrics.jsonl'), 'utf8').trim().split('\n');
    expect(log.map((line) => JSON.parse(line).trainStep)).toEqual([1, 2]);
    expect(readFileSync(join(target, 'README.md'), 'utf8')).toContain('# kept');
    expect(readdirSync(target)).not.toContain('eval.json');
  });

  it('keeps figures of the same weights, and drops those of others', () => {
    const directory = runDirectory();
    const target = join(temporaryDirectory(), 'kept');
    const first = bundle(directory, target);
    writeEvalReport(first, evalReportOf(first.sha256));
    expect(bundle(directory, target).evalReport).toMatchObject({
      checkpoint_sha256: first.sha256,
    });
    expect(bundle(runDirectory(totalSteps(run), 2), target).evalReport).toBeNull();
    expect(readdirSync(target)).not.toContain('eval.json');
  });

  it('rounds to half precision: half the bytes, each weight the nearest half, said so', () => {
    const directory = runDirectory();
    const run = readCheckpoint(directory.checkpointPath);
    const kept = bundle(directory, join(temporaryDirectory(), 'kept'), true);
    const dtypes = [...kept.header.tensors.values()].map(({ dtype }) => dtype);
    expect(new Set(dtypes)).toEqual(new Set(['F16']));
    const [before, after] = [readWeights(run), readWeights(kept)];
    for (const [name, values] of before)
      expect(after.get(name), name).toEqual(values.map((x) => float16ToNumber(numberToFloat16(x))));
    expect(after).not.toEqual(before);
    expect(kept.config).toEqual({ ...run.config, torch_dtype: 'float16' });
    expect(readFileSync(join(kept.dir, 'README.md'), 'utf8')).toContain('half precision (float16)');
  });

  it('keeps figures of the rounded weights, not those of the run', () => {
    const directory = runDirectory();
    const unrounded = readCheckpoint(directory.checkpointPath);
    writeEvalReport(unrounded, evalReportOf(unrounded.sha256));
    const target = join(temporaryDirectory(), 'kept');
    expect(bundle(directory, target).evalReport).not.toBeNull();
    const kept = bundle(directory, target, true);
    expect(kept.sha256).not.toBe(unrounded.sha256);
    expect(readdirSync(target)).not.toContain('eval.json');
    writeEvalReport(kept, evalReportOf(kept.sha256));
    expect(bundle(directory, target, true).evalReport).toMatchObject({
      checkpoint_sha256: kept.sha256,
    });
  });

  it('refuses to round what half precision cannot reach, and leaves what stood there', () => {
    const target = join(temporaryDirectory(), 'kept');
    const { sha256 } = bundle(runDirectory(), target);
    const directory = runDirectory(totalSteps(run), 1, (weights) => {
      weights.get('transformer.ln_f.bias')![3] = 65_520;
    });
    expect(() => bundle(directory, target, true)).toThrow(
      /tensor "transformer\.ln_f\.bias" is Infinity at index 3 of 16/,
    );
    expect(readCheckpoint(target).sha256).toBe(sha256);
  });

  it('replaces a directory that is no checkpoint any more', () => {
    const target = join(temporaryDirectory(), 'kept');
    bundle(runDirectory(), target);
    rmSync(join(target, 'tokenizer.json'));
    expect(bundle(runDirectory(), target).id).toBe('kept');
  });

  it('refuses a run without checkpoint, one not at its end, and weights too large to keep', () => {
    const target = join(temporaryDirectory(), 'kept');
    const bare = new RunDirectory(join(temporaryDirectory(), 'bare'));
    expect(() => bundle(bare, target)).toThrow('bare has no checkpoint yet');
    expect(() => bundle(runDirectory(3), target)).toThrow('3 of 8 train steps done');
    const small = { half: false, maxWeightsBytes: 1000 };
    expect(() => bundleRun(runDirectory().path, target, small)).toThrow(
      /some-run: 0\.1 MB, more than the 0\.0 MB that are kept/,
    );
    const { size } = statSync(readCheckpoint(runDirectory().checkpointPath).weightsPath);
    const halves = { half: true, maxWeightsBytes: 0.75 * size };
    expect(bundleRun(runDirectory().path, target, halves).id).toBe('kept');
  });
});

describe('a run that trained an adapter', () => {
  const { config, base, lowRank } = tinyAdapted.gpt2;

  /** As a run leaves it: the adapter, and beside it the checkpoint that it makes of its base. */
  function adapterRun(trainStep?: number, weightSeed = 5): RunDirectory {
    const dir = temporaryDirectory();
    const start = join(dir, 'base');
    writeTinyBase(start, tinyAdapted.gpt2);
    const own = startedAdapterRun(start);
    const directory = new RunDirectory(join(dir, 'some-run'));
    directory.appendMetrics(trainPoint(1));
    writeAdapter(
      directory.adapterPath,
      {
        config,
        lowRank,
        base: { path: start, sha256: readCheckpoint(start).sha256 },
        weights: tinyAdapterWeights(tinyAdapted.gpt2, weightSeed),
        training: { run: own, trainStep: trainStep ?? totalSteps(own) },
      },
      base,
    );
    mergeAdapter(directory.adapterPath, directory.checkpointPath);
    return directory;
  }

  const kept = (): string => join(temporaryDirectory(), 'adapters', 'kept');
  const bundled = ({ path }: RunDirectory, target: string) => bundleAdapter(path, target, 1e5);

  it('is kept as the adapter, with log and card', () => {
    const target = kept();
    bundled(adapterRun(), target);
    expect(readdirSync(target).sort()).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      'merged_config.json',
      'metrics.jsonl',
      'training.json',
    ]);
    expect(readFileSync(join(target, 'README.md'), 'utf8')).toContain(
      'npm run merge -- models/adapters/kept out/merged/kept',
    );
  });

  it('keeps the figures of what it makes of its base, and no others', () => {
    const [directory, target] = [adapterRun(), kept()];
    const checkpoint = readCheckpoint(directory.checkpointPath);
    writeEvalReport(checkpoint, evalReportOf(checkpoint.sha256));
    expect(bundled(directory, target).evalReport).toMatchObject({
      checkpoint_sha256: checkpoint.sha256,
    });
    const merged = mergeAdapter(target, join(temporaryDirectory(), 'merged'));
    expect(merged.evalReport?.checkpoint_sha256).toBe(merged.sha256);
    expect(bundled(adapterRun(undefined, 6), target).evalReport).toBeNull();
  });

  it('is refused before its end, where it is not what the checkpoint was made of, and above the limit', () => {
    expect(() => bundled(adapterRun(3), kept())).toThrow('3 of 12 train steps done');
    const directory = adapterRun();
    expect(() => bundleAdapter(directory.path, kept(), 1000)).toThrow(
      /some-run: 0\.0 MB, more than the 0\.0 MB that are kept/,
    );
    const file = join(directory.adapterPath, 'training.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), examples: 1 }));
    expect(() => bundled(directory, kept())).toThrow(
      /adapter and .*checkpoint are not of one step/,
    );
  });

  it('is what the command keeps of it', () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    const [directory, target] = [adapterRun(), kept()];
    expect(() => bundleCommand(directory.path, target, { half: true })).toThrow(/^--half: /);
    bundleCommand(directory.path, target, {});
    const { sha256 } = readCheckpoint(directory.checkpointPath);
    const { validation } = startedAdapterRun('').data;
    expect(log.mock.calls.flat()).toEqual([
      `${target}: some-run, sha256 ${sha256} merged`,
      `figures: npm run eval -- ${directory.checkpointPath} ${validation} --kind gsm8k, then this again`,
    ]);
    vi.restoreAllMocks();
    expect(readdirSync(target)).toContain('adapter_config.json');
  });
});
