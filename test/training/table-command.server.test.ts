// `table` on tiny checkpoints: figures as stored, and measured anew through the engine.
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { tableCommand } from '../../src/training/table-command.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { writeTinyCheckpoint } from '../support/tiny-model.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const items = join(import.meta.dirname, '../data/prosqa-small.json');

function checkpoints(): string {
  const dir = temporaryDirectory();
  writeTinyCheckpoint(join(dir, 'tiny-coconut'), { seed: 1, method: 'coconut' });
  writeTinyCheckpoint(join(dir, 'tiny-pause'), { seed: 2, method: 'pause' });
  return dir;
}

describe('table', () => {
  it('measures every checkpoint on a file: methods, paired tests, 0 to 8 thoughts', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    // Bytes are tokens to the tiny model, and its positions are few.
    await tableCommand(checkpoints(), { data: items, kind: 'prosqa', items: 2, threads: 1 });
    const text = String(log.mock.calls[0]![0]);
    expect(text).toMatch(/prosqa-small\.json, 2 items/);
    expect(text).toMatch(/\| coconut \| 1 \| 0\.0 \|/);
    expect(text).toMatch(/\| pause \| 1 \| 0\.0 \|/);
    expect(text).toContain('| tiny-coconut / tiny-pause | 0 | 0 | 1.000 |');
    expect(text).toContain('| checkpoint | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 |');
    expect(text).toContain(`| tiny-coconut |${' 0.0 |'.repeat(9)}`);
  });

  it('names what is missing', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    const options = { kind: 'prosqa', threads: 1 } as const;
    await expect(tableCommand(temporaryDirectory(), options)).rejects.toThrow(
      'holds no checkpoint',
    );
    await expect(tableCommand(checkpoints(), options)).rejects.toThrow(
      /no checkpoint of .* eval\.json/,
    );
    const other = {
      ...options,
      kind: 'multiplication',
      data: 'test/data/multiplication-sample.txt',
    } as const;
    await expect(tableCommand(checkpoints(), other)).rejects.toThrow(
      'no checkpoint was trained on multiplication',
    );
  });
});
