// Items of a file: each comes once an epoch, and has room in the model, which is known before the first step; of drawn
// ones it is known at their batch.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { BatchSource } from '../../src/training/batch-source.ts';
import type { TrainBatch } from '../../src/training/collate.ts';
import { loadTrainingData } from '../../src/training/training-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { constantRate, type RunFile, tinyRun } from '../support/tiny-run.ts';

describe('items of a file', () => {
  const questions = Array.from({ length: 7 }, (_, n) => `How many are ${n} and ${n}?`);
  const fileOf = (lines: readonly string[]) => {
    const path = join(temporaryDirectory(), 'items.txt');
    writeFileSync(path, lines.map((question) => `${question}||<<1+1=2>> #### 2\n`).join(''));
    return path;
  };
  const runOn = (train: string, changes: Partial<RunFile> = {}) =>
    tinyRun({
      data: { kind: 'gsm8k', train, validation: fileOf(['What else?']) },
      batch: { groups: 2, perGroup: 1 },
      segments: [3, 17, 1].map((trainSteps) => ({ trainSteps, ...constantRate(1e-3) })),
      ...changes,
    });

  it('come once in each epoch, also where segments end within a pool', () => {
    const run = runOn(fileOf(questions));
    const from = loadTrainingData(run);
    const source = new BatchSource(run, from);
    const seen = Array.from({ length: 21 }, (_, step) =>
      source.batch(step).batches.flatMap(({ feeds }) => {
        const { data: ids, dims } = feeds['question_ids']!;
        const rows = [...ids].map(Number);
        return [0, 1].map((b) =>
          from.tokenizer.decode(rows.slice(b * dims[1]!, (b + 1) * dims[1]!)),
        );
      }),
    ).flat();
    const counts = questions.map((question) => seen.filter((row) => row.includes(question)).length);
    expect(counts).toEqual(questions.map(() => 42 / 7));
  });

  it('that are longer than the positions are refused before anything is trained, or left out', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const model = { layers: 1, width: 16, heads: 2, positions: 64 };
    const train = fileOf([...questions, `How many? ${'§ '.repeat(40)}`]);
    expect(() => loadTrainingData(runOn(train, { model }))).toThrow(
      /items\.txt: a row takes \d+ positions \(context 0, question \d+, thoughts 0, text \d+\), the model has 64: "How many\? § .*leave-out/,
    );
    const run = runOn(train, { model });
    const data = { ...run.data, tooLong: 'leave-out' as const } as RunFile['data'];
    loadTrainingData(runOn(train, { model, data }));
    expect(warn).toHaveBeenCalledWith(
      expect.stringMatching(/1 of 8 examples left out, longer than 64 positions/),
    );
    const tiny = { ...model, positions: 8 };
    expect(() => loadTrainingData(runOn(train, { model: tiny, data }))).toThrow(
      /all 8 examples take more than 8 positions/,
    );
  });
});

it('a drawn row that is longer than the positions is named with its parts, its teacher too', () => {
  const small = { nodes: [5, 6] as [number, number], minHops: 1, ...constantRate(1e-3) };
  const data = loadTrainingData(tinyRun());
  const segments = [{ ...small, trainSteps: 1, stage: 3 }];
  const short = (positions: number, changes: Partial<RunFile> = {}) =>
    new BatchSource(tinyRun({ segments, ...changes }), { ...data, positions }).batch(0);
  expect(() => short(20)).toThrow(
    /prosqa: a row takes \d+ positions \(context \d+, question \d+, thoughts 2, text \d+\), the model has 20: "/,
  );
  const [{ rows, feeds }] = short(512).batches as [TrainBatch];
  const most = Math.max(...Array.from(feeds['tail_position_ids']!.data, Number)) + 1;
  expect(short(most).batches[0]!.rows).toEqual(rows);
  expect(() => short(most - 1)).toThrow(`a row takes ${most} positions`);
  expect(() => short(most, { distillation: {} })).toThrow(/prosqa, the teacher: a row takes/);
});
