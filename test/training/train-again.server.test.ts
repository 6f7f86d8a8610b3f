// `table --train`: checkpoints trained again by what they record, each from what it started from, and nothing else touched.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readCheckpoint } from '../../src/model/checkpoint.ts';
import { bundleRun } from '../../src/training/bundle-command.ts';
import { readMeasurements } from '../../src/training/measurement.ts';
import { tableCommand } from '../../src/training/table-command.ts';
import { trainAgain } from '../../src/training/train-again.ts';
import { runOf } from '../../src/training/training-config.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { writeTinyCheckpoint } from '../support/tiny-model.ts';
import { type RunFile, tinyRun } from '../support/tiny-run.ts';
import { trainedRun } from '../support/trained-run.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Trains a run and keeps its checkpoint as models/<id>. */
async function keep(dir: string, id: string, changes: Partial<RunFile>) {
  const path = join(dir, 'out', id);
  await trainedRun(path, { name: id, ...changes });
  return bundleRun(path, join(dir, 'models', id), {
    half: false,
    maxWeightsBytes: Number.POSITIVE_INFINITY,
  });
}

const startAt = (path: string): Partial<RunFile> => ({
  start: { kind: 'checkpoint', path },
  model: null,
  method: 'pause-as-thought',
});

describe('table --train', () => {
  it('trains each from the start that was trained again', { timeout: 300_000 }, async () => {
    vi.spyOn(console, 'log').mockImplementation(() => {});
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    const dir = temporaryDirectory();
    const models = join(dir, 'models');
    // By name the one that starts from the other comes first.
    const base = await keep(dir, 'z-base', {});
    const grown = await keep(dir, 'a-grown', startAt(join(models, 'z-base')));
    writeTinyCheckpoint(join(models, 'imported'), { seed: 1, method: 'coconut' });
    const out = join(dir, 'again');
    const options = {
      kind: 'prosqa',
      items: 1,
      threads: 1,
      runs: 'runs',
      out,
      merged: join(dir, 'merged'),
    } as const;
    await tableCommand(models, { ...options, train: true });

    const [baseAgain, grownAgain] = ['z-base', 'a-grown'].map((id) =>
      readCheckpoint(join(out, 'models', id)),
    );
    expect(baseAgain!.sha256).toBe(base.sha256);
    expect(grownAgain!.sha256).toBe(grown.sha256);
    expect(runOf(grownAgain!).start).toEqual({ kind: 'checkpoint', path: baseAgain!.dir });
    expect(grownAgain!.training).toMatchObject({ examples: 8, startExamples: 8 });
    const measured = readMeasurements(join(out, 'comparison.json'));
    const told = measured.map(({ checkpoint, examples }) => [checkpoint, examples]);
    expect(told).toEqual([
      ['a-grown', 16],
      ['z-base', 8],
    ]);
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      expect(process.listeners(signal).filter(({ name }) => name === 'onSignal')).toEqual([]);
  });

  it('finds a missing start before it trains anything', async () => {
    const dir = temporaryDirectory();
    const write = (id: string, run: object) => {
      writeTinyCheckpoint(join(dir, id), { seed: 1, method: 'coconut', run });
      return readCheckpoint(join(dir, id));
    };
    const base = write('base', tinyRun());
    const lost = write('lost', tinyRun(startAt('out/no-such-run/checkpoint')));
    const out = join(dir, 'out');
    await expect(trainAgain([base, lost], [base, lost], out)).rejects.toThrow(
      'to train again: lost starts from out/no-such-run/checkpoint',
    );
    expect(existsSync(out)).toBe(false);
  });

  it('refuses runs that start from each other', async () => {
    const dir = temporaryDirectory();
    const circle = ['one', 'two'].map((id) => {
      const other = id === 'one' ? 'two' : 'one';
      const run = tinyRun({ name: id, ...startAt(`out/${other}/checkpoint`) });
      writeTinyCheckpoint(join(dir, id), { seed: 1, method: 'coconut', run });
      return readCheckpoint(join(dir, id));
    });
    await expect(trainAgain(circle, circle, join(dir, 'out'))).rejects.toThrow(
      'runs start from each other: one → two → one',
    );
  });

  it('takes only those of the data that is asked for', async () => {
    const dir = temporaryDirectory();
    writeTinyCheckpoint(join(dir, 'base'), { seed: 1, method: 'coconut', run: tinyRun() });
    const data = 'test/data/multiplication-sample.txt';
    const options = { kind: 'multiplication', data, threads: 1, runs: 'runs' } as const;
    const out = join(dir, 'out');
    await expect(tableCommand(dir, { ...options, out, merged: out, train: true })).rejects.toThrow(
      /no checkpoint of .* was trained on multiplication/,
    );
    expect(existsSync(out)).toBe(false);
  });
});
