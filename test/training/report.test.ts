import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lastQuestionTemplate } from '../../src/model/chat-template.ts';
import { writeCheckpoint } from '../../src/model/checkpoint-writer.ts';
import { writeReport } from '../../src/training/report.ts';
import { RunDirectory } from '../../src/training/run-directory.ts';
import { byteTokenizerJson } from '../support/byte-tokenizer.ts';
import { trainPoint } from '../support/run-metrics.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import {
  tinyConfig,
  tinySpecials,
  tinyWeights,
  writeTinyCheckpoint,
} from '../support/tiny-model.ts';
import { tinyRun } from '../support/tiny-run.ts';

function runDirectory(): RunDirectory {
  const directory = new RunDirectory(join(temporaryDirectory(), 'some-run'));
  directory.appendMetrics(trainPoint(1));
  directory.appendMetrics(trainPoint(2));
  return directory;
}

test('a run under way is reported from its metrics', async () => {
  const { path } = runDirectory();
  const report = await writeReport(path);
  expect(report).toBe(join(path, 'report.html'));
  expect(readFileSync(report, 'utf8')).toContain('<h1>some-run</h1>');
});

test("the run file comes from the checkpoint's training.json", async () => {
  const { path, checkpointPath } = runDirectory();
  const config = tinyConfig('coconut');
  writeCheckpoint(checkpointPath, {
    config,
    weights: tinyWeights(config, 1),
    tokenizerJson: byteTokenizerJson(tinySpecials),
    chatTemplate: lastQuestionTemplate,
    training: { run: tinyRun({ seed: 4711 }) },
    evalReport: null,
  });
  expect(readFileSync(await writeReport(path), 'utf8')).toContain('<dd>4711</dd>');
});

test('a checkpoint of another kind of run is an error that names the key', async () => {
  const { path, checkpointPath } = runDirectory();
  writeTinyCheckpoint(checkpointPath, { seed: 1, method: 'coconut' });
  await expect(writeReport(path)).rejects.toThrow('training.json: run: ');
});

test('a directory that holds no run is left alone', async () => {
  await expect(writeReport('/nonexistent/run')).rejects.toThrow(
    '/nonexistent/run: no metrics.jsonl',
  );
});
