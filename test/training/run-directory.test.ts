// What is left of a run that was killed: the last whole state, and the metrics up to it.
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/onnx/session.ts';
import { RunDirectory, type RunState } from '../../src/training/run-directory.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { tinyRun } from '../support/tiny-run.ts';

const config = tinyRun();
const hashes = { validation: 'v1', training: 't1' };
const stateAt = (trainStep: number): RunState => ({
  trainStep,
  updates: trainStep,
  examples: 4 * trainStep,
  seconds: 1.5,
});
const tensors = (first: number) =>
  new Map([['weight', tensor('float32', Float32Array.of(first, -0.1, 1e-30, 4), [2, 2])]]);

function fresh() {
  const path = join(temporaryDirectory(), 'run');
  return { path, directory: new RunDirectory(path) };
}

describe('RunDirectory', () => {
  it('starts empty, without metrics that somebody else left', () => {
    const { directory } = fresh();
    directory.appendMetrics({ trainStep: 9 });
    expect(directory.resume(config, hashes)).toBeNull();
    expect(directory.readMetrics()).toEqual([]);
  });

  it('gives back the last saved state, bit by bit', () => {
    const { path, directory } = fresh();
    directory.save({ config, hashes, state: stateAt(2) }, tensors(1));
    directory.save({ config, hashes, state: stateAt(4) }, tensors(Math.fround(0.3)));
    const saved = new RunDirectory(path).resume(config, hashes)!;
    expect(saved.state).toEqual(stateAt(4));
    expect([...saved.tensors.keys()]).toEqual(['weight']);
    expect(saved.tensors.get('weight')).toEqual(tensors(Math.fround(0.3)).get('weight')!.data);
  });

  it('goes on with a state from before the run file had some of its keys', () => {
    const { path, directory } = fresh();
    directory.save({ config, hashes, state: stateAt(2) }, tensors(1));
    const file = join(path, 'state/state.json');
    const saved = JSON.parse(readFileSync(file, 'utf8'));
    delete saved.config.tokenRemoval;
    for (const segment of saved.config.segments) delete segment.removedTokens;
    writeFileSync(file, JSON.stringify(saved));
    expect(new RunDirectory(path).resume(config, hashes)!.state).toEqual(stateAt(2));
  });

  it('drops metrics written after the state, and a line cut short by the kill', () => {
    const { path, directory } = fresh();
    for (const trainStep of [1, 2, 3]) directory.appendMetrics({ trainStep, loss: 1 / trainStep });
    directory.save({ config, hashes, state: stateAt(2) }, tensors(1));
    appendFileSync(join(path, 'metrics.jsonl'), '{"trainStep":4,"lo');
    const resumed = new RunDirectory(path);
    resumed.resume(config, hashes);
    const expected = [
      { trainStep: 1, loss: 1 },
      { trainStep: 2, loss: 0.5 },
    ];
    expect(resumed.readMetrics()).toEqual(expected);
    resumed.appendMetrics({ trainStep: 3 });
    expect(resumed.readMetrics()).toEqual([...expected, { trainStep: 3 }]);
  });

  it('goes on from the previous state when the kill came between two renames', () => {
    const { path, directory } = fresh();
    directory.save({ config, hashes, state: stateAt(6) }, tensors(1));
    renameSync(join(path, 'state'), join(path, 'state.previous'));
    const resumed = new RunDirectory(path);
    expect(resumed.resume(config, hashes)!.state.trainStep).toBe(6);
    resumed.save({ config, hashes, state: stateAt(8) }, tensors(2));
    expect(new RunDirectory(path).resume(config, hashes)!.state.trainStep).toBe(8);
    expect(existsSync(join(path, 'state.previous'))).toBe(false);
  });

  it('refuses to go on with another run, and names what differs', () => {
    const { path, directory } = fresh();
    directory.save({ config, hashes, state: stateAt(2) }, tensors(1));
    const other = tinyRun({ seed: 4, maxStage: 1 });
    expect(() => directory.resume(other, hashes)).toThrow(
      `${path} holds another run: seed, maxStage differ; choose another name or remove it`,
    );
  });

  it('goes on with segments that were added or changed before they began, not with changed ones', () => {
    const { path, directory } = fresh();
    const [segment] = config.segments;
    const lasting = (...trainSteps: number[]) =>
      tinyRun({ segments: trainSteps.map((steps) => ({ ...segment!, trainSteps: steps })) });
    directory.save({ config: lasting(2, 4), hashes, state: stateAt(2) }, tensors(1));
    expect(directory.resume(lasting(2, 9, 5), hashes)!.state.trainStep).toBe(2);
    expect(() => directory.resume(lasting(3, 4), hashes)).toThrow(
      `${path} holds another run: segments (the first 1, already begun) differ`,
    );
  });

  it('lets a run go on that saves or evaluates more often, or on more threads', () => {
    const { directory } = fresh();
    directory.save({ config, hashes, state: stateAt(2) }, tensors(1));
    const same = tinyRun({ saveEverySteps: 1, evaluateEverySteps: 7, threads: 2 });
    expect(directory.resume(same, hashes)!.state.trainStep).toBe(2);
  });

  it('refuses to go on with other data, and names the file; a state without hashes goes on', () => {
    const { path, directory } = fresh();
    directory.save({ config, hashes, state: stateAt(2) }, tensors(1));
    expect(() => directory.resume(config, { ...hashes, training: 't2' })).toThrow(
      `${path} holds another run: the training file (sha256 t1, now t2) differ`,
    );
    const file = join(path, 'state/state.json');
    const { hashes: _, ...before } = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify(before));
    expect(directory.resume(config, { validation: 'v2' })!.state).toEqual(stateAt(2));
  });

  it('names a line of the metrics that is broken, unless it is the last', () => {
    const { path, directory } = fresh();
    directory.appendMetrics({ trainStep: 1 });
    appendFileSync(join(path, 'metrics.jsonl'), '{"trainStep":2,"lo\n');
    directory.appendMetrics({ trainStep: 3 });
    expect(() => directory.readMetrics()).toThrow(/metrics\.jsonl: line 2: /);
  });
});
