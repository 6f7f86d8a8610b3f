// The table over run directories: what it takes, what it leaves out, and the run files that it is made from.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { RunDirectory } from '../../src/training/run-directory.ts';
import { stabilityCommand } from '../../src/training/stability-command.ts';
import { trainPoint } from '../support/run-metrics.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyRunFile } from '../support/tiny-run.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function workplace() {
  const dir = temporaryDirectory();
  mkdirSync(join(dir, 'runs'));
  writeFileSync(join(dir, 'runs/kept.json'), JSON.stringify({ ...tinyRunFile, name: 'a-kept' }));
  const at = { out: join(dir, 'out'), write: join(dir, 'stability'), title: 'Borders' };
  const log = (seed: number, steps: number) => {
    const run = new RunDirectory(join(at.out, `a-kept-seed${seed}`));
    for (let step = 1; step <= steps; step++) {
      const second = step > 4;
      run.appendMetrics(
        trainPoint(step, { task: second ? 'questions' : 'walks', segment: second ? 1 : 0 }),
      );
    }
  };
  return { runs: join(dir, 'runs'), at, log };
}

describe('stability', () => {
  it('tells of the runs that came to their end, and of the others that they did not', async () => {
    const { runs, at, log } = workplace();
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    vi.spyOn(console, 'log').mockImplementation(() => {});
    mkdirSync(at.out);
    log(1, 8);
    log(2, 5);
    await stabilityCommand(runs, { seeds: [1, 2, 3], ...at });
    const table = readFileSync(`${at.write}.md`, 'utf8');
    expect(table).toContain('# Borders\n');
    expect(table).toContain('--seeds 1,2,3 --title "Borders"`');
    expect(table).toMatch(/^\| kept \| 1 \| – \|/m);
    expect(warn.mock.calls.flat()).toEqual([
      'a-kept-seed2: 5 of 8 train steps, left out',
      'a-kept-seed3: 0 of 8 train steps, left out',
    ]);
  });

  it('names what is missing', async () => {
    const { runs, at } = workplace();
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    await expect(stabilityCommand(runs, { seeds: [1], ...at })).rejects.toThrow('give --train');
    const empty = temporaryDirectory();
    await expect(stabilityCommand(empty, { seeds: [1], ...at })).rejects.toThrow(
      'holds no run file',
    );
    await expect(stabilityCommand(runs, { seeds: [Number.NaN], ...at })).rejects.toThrow('seed');
  });
});
