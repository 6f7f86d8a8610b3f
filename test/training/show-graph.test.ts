// Which graph show-graph leads to, from a run file and from a checkpoint, and what it prints or writes.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { graphOf, showGraphCommand } from '../../src/training/show-graph.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { writeTinyCheckpoint } from '../support/tiny-model.ts';
import { tinyRunFile } from '../support/tiny-run.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function runFile(): string {
  const path = join(temporaryDirectory(), 'run.json');
  writeFileSync(path, JSON.stringify(tinyRunFile));
  return path;
}

function printed(...args: Parameters<typeof showGraphCommand>): string {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  showGraphCommand(...args);
  const text = log.mock.calls.flat().join('\n');
  log.mockRestore();
  return text;
}

describe('show-graph', () => {
  it('train, of a run file: the gradients of its last train step', () => {
    const graph = graphOf('train', runFile());
    expect(graph.name).toBe('gradient');
    const shapeOf = (name: string) => graph.inputs.find((input) => input.name === name)?.shape;
    expect(shapeOf('thought_position_ids')).toEqual([4, 2]); // 2 × 2 rows, the two thoughts of stage 3
    expect(shapeOf('transformer.wpe.weight')).toEqual([512, 16]);
  });

  it('step, of a run file and of a checkpoint', () => {
    const checkpoint = join(temporaryDirectory(), 'tiny');
    writeTinyCheckpoint(checkpoint, { seed: 1, method: 'coconut' });
    const positions = [runFile(), checkpoint].map((source) => {
      const { inputs } = graphOf('step', source);
      return inputs.find(({ name }) => name === 'transformer.wpe.weight')!.shape[0];
    });
    expect(positions).toEqual([512, 256]);
  });

  it('prints text, or DOT', () => {
    const path = runFile();
    expect(printed('step', path, {})).toMatch(/^graph step \{\n {2}input .*\n\}$/s);
    expect(printed('step', path, { dot: true })).toMatch(/^digraph "step" \{/);
  });

  it('writes an ONNX file and says how large it is', () => {
    const file = join(temporaryDirectory(), 'step.onnx');
    const said = printed('step', runFile(), { onnx: file });
    expect(said).toBe(
      `${file}: ${said.match(/\d+(?= nodes)/)} nodes, ${readFileSync(file).length} bytes`,
    );
  });

  it('says what a checkpoint lacks that no run of ours made', () => {
    const checkpoint = join(temporaryDirectory(), 'tiny');
    writeTinyCheckpoint(checkpoint, { seed: 1, method: 'coconut' });
    expect(() => graphOf('train', checkpoint)).toThrow(/training\.json: run: \d+ problem/);
  });
});
