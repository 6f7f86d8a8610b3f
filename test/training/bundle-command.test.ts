// A run directory → a checkpoint directory to keep: what is in it, what is refused.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lastQuestionTemplate } from '../../src/model/chat-template.ts';
import { readCheckpoint } from '../../src/model/checkpoint.ts';
import { writeCheckpoint, writeEvalReport } from '../../src/model/checkpoint-writer.ts';
import { bundleRun } from '../../src/training/bundle-command.ts';
import { RunDirectory } from '../../src/training/run-directory.ts';
import { totalSteps } from '../../src/training/schedule.ts';
import { runOf } from '../../src/training/training-config.ts';
import { byteTokenizerJson } from '../support/byte-tokenizer.ts';
import { evalReportOf } from '../support/eval-reports.ts';
import { trainPoint } from '../support/run-metrics.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyConfig, tinySpecials, tinyWeights } from '../support/tiny-model.ts';
import { tinyRun } from '../support/tiny-run.ts';

const run = tinyRun({ seed: 4711 });

function runDirectory(trainStep = totalSteps(run), weightSeed = 1): RunDirectory {
  const directory = new RunDirectory(join(temporaryDirectory(), 'some-run'));
  directory.appendMetrics(trainPoint(1));
  directory.appendMetrics(trainPoint(2));
  const config = tinyConfig('coconut');
  writeCheckpoint(directory.checkpointPath, {
    config,
    weights: tinyWeights(config, weightSeed),
    tokenizerJson: byteTokenizerJson(tinySpecials),
    chatTemplate: lastQuestionTemplate,
    training: { run, trainStep },
    evalReport: null,
  });
  return directory;
}

const bundle = (directory: RunDirectory, target: string) => bundleRun(directory.path, target, 1e6);

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
    expect(() => bundleRun(runDirectory().path, target, 1000)).toThrow(
      /0\.1 MB, more than the 0\.0 MB that are kept/,
    );
  });
});
