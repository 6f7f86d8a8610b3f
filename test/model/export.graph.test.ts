// What we write opens in transformers, with equal token ids and logits: scripts/check_transformers.py runs
// on it where $PYTHON or python3 has torch and transformers.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readHuggingFace } from '../../src/import/hugging-face.ts';
import { readCheckpoint } from '../../src/model/checkpoint.ts';
import { writeCheckpoint } from '../../src/model/checkpoint-writer.ts';
import { servingModel } from '../../src/model/serving-model.ts';
import { createSession } from '../../src/onnx/session.ts';
import { lastPosition } from '../engine/naive-reference.ts';
import { goldenDirectory } from '../support/import-goldens.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { writeTinyCheckpoint } from '../support/tiny-model.ts';

const python = process.env['PYTHON'] ?? 'python3';
const probe = spawnSync(python, ['-c', 'import torch, transformers'], { encoding: 'utf8' });
const reason = probe.error?.message ?? probe.stderr.trim().split('\n').at(-1);
if (probe.status !== 0) console.warn(`skipped: ${python} has no transformers (${reason})`);

const texts = ['Every wumpus is a dumpus.', "Héllo, it's 12345 + 6…\n", '<<the>> us'];

async function writeAnswers(dir: string, path: string): Promise<void> {
  const checkpoint = readCheckpoint(dir);
  const { config, tokenizer } = checkpoint;
  const { graph, bytes, weightsDir } = servingModel(checkpoint, 'fp32');
  const session = await createSession(graph, bytes, { threads: 1, weightsDir });
  const answers: object[] = [];
  for (const text of texts) {
    const ids = tokenizer.encode(text);
    const { logits } = await lastPosition(session, config, ids);
    answers.push({ text, ids, logits: [...logits] });
  }
  writeFileSync(path, JSON.stringify(answers));
}

const imports = (name: 'gpt2' | 'gpt2-untied' | 'llama') => (dir: string) =>
  writeCheckpoint(dir, readHuggingFace(goldenDirectory(name), { thoughts: 2 }));

describe.skipIf(probe.status !== 0)('transformers', () => {
  it.each([
    ['a GPT-2 of ours', (dir: string) => writeTinyCheckpoint(dir, { seed: 1, method: 'coconut' })],
    ['an imported GPT-2', imports('gpt2')],
    ['an untied GPT-2', imports('gpt2-untied')],
    ['an imported Llama', imports('llama')],
  ])('opens %s', { timeout: 120_000 }, async (_, write) => {
    const folder = temporaryDirectory();
    const [dir, answers] = [join(folder, 'model'), join(folder, 'answers.json')];
    write(dir);
    await writeAnswers(dir, answers);
    const check = ['scripts/check_transformers.py', dir, answers];
    const { status, stderr, stdout } = spawnSync(python, check, { encoding: 'utf8' });
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('token ids equal, logits at most');
  });
});
