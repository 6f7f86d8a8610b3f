// Directories that transformers and facebookresearch/coconut saved, imported: token ids, markers and
// logits after 0, 1 and 6 thoughts are those of the Python reference (test/golden/make_import_goldens.py).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Input } from '../../src/engine/thought-inputs.ts';
import { readHuggingFace } from '../../src/import/hugging-face.ts';
import { type Checkpoint, readCheckpoint } from '../../src/model/checkpoint.ts';
import { writeCheckpoint } from '../../src/model/checkpoint-writer.ts';
import { layoutPrompt } from '../../src/model/prompt.ts';
import { servingModel } from '../../src/model/serving-model.ts';
import { createSession, type Session } from '../../src/onnx/session.ts';
import { lastPosition } from '../engine/naive-reference.ts';
import { goldenDirectory, type ImportGolden, importGoldens } from '../support/import-goldens.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import '../support/to-be-allclose.ts';

type Item = {
  question: string;
  answer: string;
  thoughts: number;
  questionIds: number[];
  answerIds: number[];
  /** At <eot>, and after the answer: [2][V]. */
  logits: number[][];
};

const tolerance = { relative: 1e-4, absolute: 1e-4 };

async function imported(name: ImportGolden): Promise<{ checkpoint: Checkpoint; session: Session }> {
  const dir = join(temporaryDirectory(), name);
  writeCheckpoint(dir, readHuggingFace(goldenDirectory(name), { thoughts: 6 }));
  const checkpoint = readCheckpoint(dir);
  const { graph, bytes, weightsDir } = servingModel(checkpoint, 'fp32');
  return { checkpoint, session: await createSession(graph, bytes, { threads: 1, weightsDir }) };
}

async function logitsOf({ config, tokenizer }: Checkpoint, session: Session, item: Item) {
  const layout = layoutPrompt(config, tokenizer, item.question, item.thoughts, {
    kind: 'question',
  });
  const inputs: Input[] = [...layout.promptIds];
  for (let k = 0; k < item.thoughts; k++) {
    inputs.push((await lastPosition(session, config, inputs)).hidden);
  }
  const thought = [...inputs, ...layout.suffixIds];
  const atEnd = await lastPosition(session, config, thought);
  const answered = [...thought, ...tokenizer.encode(item.answer)];
  const after = await lastPosition(session, config, answered);
  return [atEnd.logits, after.logits];
}

describe.each(importGoldens)('%s', (name) => {
  const golden = JSON.parse(readFileSync(`${goldenDirectory(name)}.json`, 'utf8')) as {
    markers: Record<string, number>;
    items: Item[];
  };

  it('has the ids and the logits of the reference', { timeout: 120_000 }, async () => {
    const { checkpoint, session } = await imported(name);
    const { tokenizer, config } = checkpoint;
    for (const [marker, id] of Object.entries(golden.markers)) {
      expect(tokenizer.specialId(marker)).toBe(id);
    }
    expect(config.coconut.bot_token_id).toBe(golden.markers['<|start-latent|>']);
    expect(config.coconut.eot_token_id).toBe(golden.markers['<|end-latent|>']);
    for (const item of golden.items) {
      expect(tokenizer.encode(item.question)).toEqual(item.questionIds);
      expect(tokenizer.encode(item.answer)).toEqual(item.answerIds);
      const logits = await logitsOf(checkpoint, session, item);
      for (const [row, values] of logits.entries()) {
        expect(values).toBeAllclose(item.logits[row]!, tolerance);
      }
    }
  });
});
