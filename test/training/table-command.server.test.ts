// `table` on tiny checkpoints: measured through the engine, kept, and measured again only where asked.
import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { writeAdapter } from '../../src/model/adapter-files.ts';
import { readCheckpoint } from '../../src/model/checkpoint.ts';
import { readMeasurements, writeMeasurements } from '../../src/training/measurement.ts';
import { type TableOptions, tableCommand } from '../../src/training/table-command.ts';
import { evalReportOf } from '../support/eval-reports.ts';
import { measuredRun, measurement } from '../support/measurements.ts';
import { startedAdapterRun } from '../support/started-run.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyAdapted, tinyAdapterWeights, writeTinyBase } from '../support/tiny-adapter.ts';
import { type TinyMethod, writeTinyCheckpoint } from '../support/tiny-model.ts';
import { tinyRun, tinyRunFile } from '../support/tiny-run.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

// Bytes are tokens to the tiny model, and its positions are few: so are the facts of these graphs.
const validation = join(import.meta.dirname, '../data/prosqa-small.json');

function write(dir: string, method: TinyMethod): void {
  const run = tinyRun({ data: { ...tinyRunFile.data, validation } });
  writeTinyCheckpoint(join(dir, `tiny-${method}`), { seed: 1, method, run });
}

function workplace() {
  const [dir, kept] = [temporaryDirectory(), temporaryDirectory()];
  write(dir, 'coconut');
  write(dir, 'pause');
  const options: TableOptions & { write: string } = {
    kind: 'prosqa',
    items: 2,
    threads: 1,
    runs: join(import.meta.dirname, '../../runs'),
    write: join(kept, 'comparison'),
    out: join(kept, 'again'),
    merged: join(kept, 'merged'),
  };
  return { dir, options };
}

function silence() {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  return vi.spyOn(console, 'warn').mockImplementation(() => {});
}

describe('table', () => {
  it('measures what is not known yet, writes page and figures, and asks no model twice', async () => {
    const warn = silence();
    const { dir, options } = workplace();
    await tableCommand(dir, options);
    const page = readFileSync(`${options.write}.md`, 'utf8');
    expect(page).toContain('## prosqa: prosqa-small.json, 2 items');
    expect(page).toMatch(/\| coconut \| 1 \| \? \| 0\.0 \|/);
    expect(page).toMatch(/\| pause \| 1 \| \? \| 0\.0 \|/);
    expect(page).toContain('| icot | 0 |  | not trained |');
    expect(page).toContain('| tiny-coconut / tiny-pause | 0 | 0 | 1.000 |');
    expect(page).toContain(`| tiny-coconut |${' 0.0 |'.repeat(9)}`);
    expect(page).toContain('tiny-coconut: its thoughts are NOT load-bearing');
    const [coconut, pause] = readMeasurements(`${options.write}.json`);
    expect(coconut!.controls!.noise.right).toBe('00');
    expect(coconut!.asTrained.outcomes).toMatchObject({ hallucination: expect.any(Number) });
    expect(pause).toMatchObject({ controls: null, byThoughts: null, seed: 3 });

    const asked = () => warn.mock.calls.filter(([text]) => / items\)$/.test(String(text))).length;
    expect(asked()).toBe(2);
    await tableCommand(dir, options);
    expect(asked()).toBe(2);
    expect(readFileSync(`${options.write}.md`, 'utf8')).toBe(page);
    await tableCommand(dir, { ...options, anew: true });
    expect(asked()).toBe(4);
  });

  it('drops what was measured on other items of the same name', async () => {
    silence();
    const { dir, options } = workplace();
    const data = join(temporaryDirectory(), 'items.json');
    const items = JSON.parse(readFileSync(validation, 'utf8')) as unknown[];
    const measureOn = async (from: number, count: number) => {
      writeFileSync(data, JSON.stringify(items.slice(from, from + count)));
      await tableCommand(dir, { ...options, data });
      const kept = readMeasurements(`${options.write}.json`);
      return kept.map(({ data }) => `${data.sha256.slice(0, 8)} ${data.items}`);
    };
    const first = await measureOn(0, 1);
    expect(first).toHaveLength(2);
    const second = await measureOn(1, 1);
    expect(second).toHaveLength(2);
    expect(second).not.toContain(first[0]);
    expect(await measureOn(1, 2)).toHaveLength(2);
  });

  describe('with an adapter', () => {
    function adapterWorkplace() {
      const place = workplace();
      const base = join(temporaryDirectory(), 'base');
      writeTinyBase(base, tinyAdapted.gpt2);
      const path = join(place.dir, 'adapters', 'tuned');
      const merged = join(place.options.merged, 'tuned');
      const run = startedAdapterRun(base, { data: { ...tinyRunFile.data, validation } });
      const { config, base: baseConfig, lowRank } = tinyAdapted.gpt2;
      const reference = { path: base, sha256: readCheckpoint(base).sha256 };
      const tune = (seed: number): void => {
        const weights = tinyAdapterWeights(tinyAdapted.gpt2, seed);
        const training = { run, examples: 48, startExamples: 0 };
        writeAdapter(path, { config, lowRank, base: reference, weights, training }, baseConfig);
      };
      tune(5);
      const rows = () =>
        readMeasurements(`${place.options.write}.json`)
          .filter(({ checkpoint }) => checkpoint === 'tuned')
          .map(({ sha256 }) => sha256);
      return { ...place, base, path, merged, tune, rows };
    }

    it('merges it where it is new or changed, and measures it as any other', async () => {
      const warn = silence();
      const { dir, options, path, merged, tune, rows } = adapterWorkplace();
      const said = async () => {
        warn.mockClear();
        await tableCommand(dir, options);
        return warn.mock.calls.flat().filter((line) => !/cut short$/.test(line));
      };
      const [made, measured] = [`${path} → ${merged}`, 'tuned on prosqa-small.json (2 items)'];
      expect(await said()).toEqual([made, expect.any(String), expect.any(String), measured]);
      const { sha256 } = readCheckpoint(merged);
      expect(rows()).toEqual([sha256]);
      const page = readFileSync(`${options.write}.md`, 'utf8');
      expect(page).toContain('| tuned / tiny-pause |');
      expect(await said()).toEqual([]);

      appendFileSync(join(merged, 'model.safetensors'), ' ');
      expect(await said()).toEqual([made]);
      expect(readCheckpoint(merged).sha256).toBe(sha256);

      tune(6);
      expect(await said()).toEqual([made, measured]);
      expect(rows()).toEqual([readCheckpoint(merged).sha256]);
      expect(rows()).not.toEqual([sha256]);
    });

    it('keeps what is known of one whose base is not there, if it is of these weights', async () => {
      const warn = silence();
      const { dir, options, base, path, merged, rows } = adapterWorkplace();
      await tableCommand(dir, options);
      const { sha256 } = readCheckpoint(merged);
      for (const gone of [base, merged]) rmSync(gone, { recursive: true });
      const evaluated = (of: string) =>
        writeFileSync(join(path, 'eval.json'), JSON.stringify(evalReportOf(of)));
      evaluated(sha256);
      warn.mockClear();
      await tableCommand(dir, options);
      expect(warn.mock.calls.flat()).toEqual([
        `tuned: not evaluated again, its base ${base} is not there`,
      ]);
      expect(rows()).toEqual([sha256]);
      evaluated('f'.repeat(64));
      await tableCommand(dir, options);
      expect(rows()).toEqual([]);
    });

    it('is refused under the name of a checkpoint', async () => {
      silence();
      const { dir, options, path } = adapterWorkplace();
      renameSync(path, join(dir, 'adapters', 'tiny-pause'));
      await expect(tableCommand(dir, options)).rejects.toThrow(
        `${dir} holds tiny-pause twice: a checkpoint and an adapter`,
      );
    });
  });

  it('keeps no figures that could not be read again', () => {
    const path = join(temporaryDirectory(), 'comparison.json');
    const broken = measurement({ asTrained: { ...measuredRun(1), accuracy: Number.NaN } });
    expect(() => writeMeasurements(path, [broken])).toThrow(/accuracy/);
    expect(existsSync(path)).toBe(false);
  });

  it('names what is missing', async () => {
    const warn = silence();
    const { dir, options } = workplace();
    await expect(tableCommand(temporaryDirectory(), options)).rejects.toThrow(
      'holds no checkpoint',
    );
    const file = 'test/data/multiplication-sample.txt';
    await expect(
      tableCommand(dir, { ...options, data: file, kind: 'multiplication' }),
    ).rejects.toThrow(/no checkpoint of .* was trained on multiplication/);
    const foreign = temporaryDirectory();
    writeTinyCheckpoint(join(foreign, 'imported'), { seed: 1, method: 'coconut' });
    await expect(tableCommand(foreign, options)).rejects.toThrow('no checkpoint of');
    expect(warn).toHaveBeenCalledWith('imported records no run: left out');
    writeFileSync(`${options.write}.json`, '{"measurements": [{}]}');
    await expect(tableCommand(dir, options)).rejects.toThrow('comparison.json: measurements.0.');
  });
});
