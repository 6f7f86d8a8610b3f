// `merge`: an adapter and its base become a checkpoint; what does not belong together is refused.
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { mergedWeights } from '../../src/model/adapter.ts';
import { readAdapter, writeAdapter } from '../../src/model/adapter-files.ts';
import { readCheckpoint, readWeight, readWeights } from '../../src/model/checkpoint.ts';
import { CheckpointError } from '../../src/model/checkpoint-files.ts';
import { howToGet, mergeAdapter, mergeCommand } from '../../src/training/merge.ts';
import { readTrainingConfig } from '../../src/training/training-config.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyAdapted, tinyAdapterWeights, writeTinyBase } from '../support/tiny-adapter.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function workplace(adapted = tinyAdapted.gpt2) {
  const dir = temporaryDirectory();
  const [base, path, target] = ['base', 'tuned', 'merged'].map((name) => join(dir, name));
  writeTinyBase(base!, adapted);
  const { config, base: baseConfig, lowRank } = adapted;
  const reference = { path: base!, sha256: readCheckpoint(base!).sha256 };
  const weights = tinyAdapterWeights(adapted);
  const training = { run: { name: 'tuned' } };
  writeAdapter(path!, { config, lowRank, base: reference, weights, training }, baseConfig);
  return { dir, base: base!, path: path!, target: target! };
}

describe('merge', () => {
  it.each(Object.entries(tinyAdapted))('%s: makes a checkpoint of the sums', (_, adapted) => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    const { base, path, target } = workplace(adapted);
    mergeCommand(path, target, {});
    const merged = readCheckpoint(target);
    expect(log.mock.calls.flat().join('\n')).toBe(
      `${target}: sha256 ${merged.sha256}\nMODEL_DIR=${target} npm start`,
    );
    expect(merged).toMatchObject({ config: adapted.config, training: { run: { name: 'tuned' } } });
    expect(merged.tokenizer.specialId('<eot>')).toBe(258);
    const start = readCheckpoint(base);
    const expected = mergedWeights(
      adapted,
      { get: (name) => readWeight(start, name) },
      readAdapter(path).weights,
    );
    for (const [name, values] of readWeights(merged))
      expect(values, name).toEqual(expected.get(name));
  });

  it('takes a base that stands elsewhere, if it is the one', () => {
    const { dir, base, path, target } = workplace();
    const moved = join(dir, 'moved');
    renameSync(base, moved);
    expect(() => mergeAdapter(path, target)).toThrow(`${base}: base of ${path}: not there`);
    const { sha256 } = mergeAdapter(path, target, moved);
    const other = join(dir, 'other');
    writeTinyBase(other, tinyAdapted.gpt2, 2);
    const [wrong, right] = [readCheckpoint(other), readCheckpoint(moved)];
    expect(() => mergeAdapter(path, target, other)).toThrow(
      `its weights are ${wrong.sha256}, ${path} was trained over ${right.sha256}`,
    );
    expect(readCheckpoint(target).sha256).toBe(sha256);
  });

  it('says how to fetch the bases of the run files that train adapters', () => {
    const folder = join(import.meta.dirname, '../../runs');
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
    const bases = files.flatMap((file) => {
      const { lora, start } = readTrainingConfig(join(folder, file));
      return lora && start.kind === 'checkpoint' ? [start.path] : [];
    });
    expect(bases.length).toBeGreaterThan(0);
    for (const base of bases) expect(howToGet(base)).toMatch(/^not there; npm run fetch:/);
    expect(howToGet('out/another')).toBe('not there');
  });

  it('does not write over what it reads', () => {
    const { base, path } = workplace();
    for (const source of [base, path])
      expect(() => mergeAdapter(path, source)).toThrow(/take the place of what it is made of/);
    expect(readCheckpoint(base).sha256).toBe(readAdapter(path).base.sha256);
  });

  it('refuses a checkpoint in an adapter’s place, and an adapter in a checkpoint’s', () => {
    const { base, path, target } = workplace();
    expect(() => mergeAdapter(base, target)).toThrow('merged_config.json: file is missing');
    expect(() => mergeAdapter(path, target, path)).toThrow(CheckpointError);
    expect(() => mergeAdapter(path, target, path)).toThrow(/base of .*: not there/);
    expect(() => readCheckpoint(path)).toThrow(
      `${path}: an adapter, no checkpoint: npm run merge -- ${path} <checkpoint> makes one`,
    );
  });
});
