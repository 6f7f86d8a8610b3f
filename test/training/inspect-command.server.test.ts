// `inspect` on a tiny trained-shape checkpoint: probabilities that add up, words, groups, and the file it keeps.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readCheckpoint } from '../../src/model/checkpoint.ts';
import { withEngine } from '../../src/training/evaluate-command.ts';
import { readInspections } from '../../src/training/inspect/inspection.ts';
import { nameProbabilities } from '../../src/training/inspect/read-out.ts';
import { inspectCommand } from '../../src/training/inspect-command.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type TinyMethod, writeTinyCheckpoint } from '../support/tiny-model.ts';
import { tinyRun, tinyRunFile } from '../support/tiny-run.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const validation = join(import.meta.dirname, '../data/prosqa-small.json');

function written(method: TinyMethod): string {
  const dir = join(temporaryDirectory(), `tiny-${method}`);
  const run = tinyRun({ data: { ...tinyRunFile.data, validation } });
  writeTinyCheckpoint(dir, { seed: 1, method, run });
  return dir;
}

describe('nameProbabilities', () => {
  it('multiplies the probabilities of a name’s tokens: all continuations of a name add up to it', async () => {
    const dir = written('coconut');
    const ofNames = (names: string[]) =>
      withEngine(dir, { threads: 1, weights: 'fp32' }, (engine) =>
        nameProbabilities(engine, readCheckpoint(dir), 'Is it?', {
          thoughts: 2,
          beginning: '### It is a',
          names,
        }),
      );
    // Bytes are tokens, so " x" and what may follow it are asked for in two requests.
    const letters = Array.from({ length: 128 }, (_, byte) => `x${String.fromCharCode(byte)}`);
    const [whole, ...parts] = await ofNames(['x', ...letters]);
    const sum = parts.reduce((total, p) => total + p, 0);
    expect(whole).toBeGreaterThan(0);
    expect(sum).toBeGreaterThan(0.1 * whole!);
    expect(sum).toBeLessThan(whole!);
  });
});

describe('inspect', () => {
  const options = { items: 2, words: 3, threads: 1 };

  it('keeps thoughts as words, a tree with values, branches and products', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    const write = join(temporaryDirectory(), 'inspection.json');
    const dir = written('coconut');
    await inspectCommand(dir, { ...options, item: 1, write });
    await inspectCommand(dir, { ...options, item: 0, write });
    expect(String(log.mock.calls[0]![0])).toMatch(/tiny-coconut on item 1 of prosqa-small\.json/);
    const [kept, ...others] = readInspections(write);
    expect(others).toEqual([]);
    expect(kept).toMatchObject({ checkpoint: 'tiny-coconut', item: 0 });
    expect(kept!.thoughts).toHaveLength(3);
    expect(kept!.thoughts[0]!.words).toHaveLength(3);
    const { words, values } = kept!.tree!;
    for (const readOut of ['thought', 'step', 'answer'] as const) {
      expect(values[readOut]).toHaveLength(4);
      expect(values[readOut]!.every((row) => row.length === words.length)).toBe(true);
    }
    expect(kept!.branches.length).toBeGreaterThan(0);
    expect(kept!.products.map(({ group }) => group)).toContain('unreachable');
  });

  it('tells of thoughts that are refined together all but their words', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    const write = join(temporaryDirectory(), 'inspection.json');
    const dir = written('coconut');
    const file = join(dir, 'config.json');
    const config = JSON.parse(readFileSync(file, 'utf8'));
    const { bot_token_id: slot_token_id } = config.coconut;
    config.coconut.latent_update = { kind: 'jacobi', iterations: 2, slot_token_id };
    writeFileSync(file, JSON.stringify(config));
    await inspectCommand(dir, { ...options, item: 0, write });
    const [kept] = readInspections(write);
    expect(kept!.thoughts).toEqual([]);
    expect(log.mock.calls[0]![0]).toContain('no words of thoughts that are refined together');
    expect(kept!.tree!.values.answer).toHaveLength(4);
    expect(kept!.products.length).toBeGreaterThan(0);
  });

  it('refuses what does not think, and an item that is not there', async () => {
    const write = join(temporaryDirectory(), 'inspection.json');
    await expect(inspectCommand(written('cot'), { ...options, item: 0, write })).rejects.toThrow(
      'its method cot has no thoughts',
    );
    await expect(
      inspectCommand(written('coconut'), { ...options, item: 1e6, write }),
    ).rejects.toThrow(/--item 1000000: .*prosqa-small\.json has \d+ items/);
  });
});
