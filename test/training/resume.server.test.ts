// kill -9 and SIGTERM at random moments: the run that goes on ends with the very bytes of the run that never stopped.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { constantRate, type RunFile, tinyRunFile } from '../support/tiny-run.ts';
import { signalAfter, startTraining } from '../support/trainer-process.ts';

const small = { nodes: [5, 6] as [number, number], minHops: 1, ...constantRate(0.003) };
/** Every kind of change a run goes through, and a state saved every other step. */
const run: RunFile = {
  ...tinyRunFile,
  name: 'killed',
  dropout: 0.1,
  segments: [
    { ...small, task: 'walks', trainSteps: 20, structureWeight: 0.5, warmupSteps: 5 },
    { ...small, stage: 1, trainSteps: 20, mixedStageProbability: 0.3 },
    { ...small, stage: 3, trainSteps: 20, resetOptimizer: true, finalLearningRate: 1e-4 },
  ],
  saveEverySteps: 2,
};
const steps = 60;

let dir: string;
let runFile: string;
let uninterrupted: Awaited<ReturnType<typeof finish>>;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'coconut-resume-'));
  runFile = join(dir, 'run.json');
  writeFileSync(runFile, JSON.stringify(run));
  uninterrupted = await finish(join(dir, 'whole'));
}, 300_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function finish(out: string) {
  const { code, output } = await startTraining(runFile, out).ended;
  expect(code, output).toBe(0);
  const lines = readFileSync(join(out, 'killed/metrics.jsonl'), 'utf8').trimEnd().split('\n');
  const metrics = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    weights: readFileSync(join(out, 'killed/checkpoint/model.safetensors')),
    losses: metrics.filter(({ kind }) => kind === 'train').map(({ loss }) => loss),
    scores: metrics.filter(({ kind }) => kind === 'validation').map(({ accuracy }) => accuracy),
  };
}

it.each([1, 2])('killed %i times', { timeout: 300_000 }, async (kills) => {
  const out = join(dir, `killed-${kills}`);
  const share = steps / kills;
  for (let i = 0; i < kills; i++) {
    const lines = Math.floor(i * share + 3 + Math.random() * (share - 15));
    console.log(`killed after ${lines} of ${steps} steps`);
    const metrics = join(out, 'killed/metrics.jsonl');
    const { signal, output } = await signalAfter(
      'SIGKILL',
      startTraining(runFile, out),
      metrics,
      lines,
    );
    expect(signal, output).toBe('SIGKILL');
  }
  await expectSameAsWhole(out);
});

it('stopped by SIGTERM: finishes its step, saves it, and says so', {
  timeout: 300_000,
}, async () => {
  const out = join(dir, 'stopped');
  const run = startTraining(runFile, out);
  const metrics = join(out, 'killed/metrics.jsonl');
  const { code, output } = await signalAfter('SIGTERM', run, metrics, 21);
  expect(code, output).toBe(75);
  const saved = Number(/stopped and saved after step (\d+)/.exec(output)?.[1]);
  expect(saved).toBeGreaterThanOrEqual(21);
  expect(readFileSync(metrics, 'utf8').trimEnd().split('\n')).toHaveLength(saved);
  await expectSameAsWhole(out);
});

it('a signal that comes twice at once, as from a process group and from npm, stops no less orderly', {
  timeout: 300_000,
}, async () => {
  const out = join(dir, 'twice');
  const run = startTraining(runFile, out);
  const metrics = join(out, 'killed/metrics.jsonl');
  const twice = () => {
    run.child.kill('SIGTERM');
    run.child.kill('SIGINT');
  };
  const { code, output } = await signalAfter('SIGTERM', run, metrics, 21, twice);
  expect(code, output).toBe(75);
  await expectSameAsWhole(out);
});

it('SIGTERM to the process group of `npm run train` saves', { timeout: 300_000 }, async () => {
  const out = join(dir, 'npm');
  const run = startTraining(runFile, out, { by: 'npm' });
  const metrics = join(out, 'killed/metrics.jsonl');
  const toGroup = () => process.kill(-run.child.pid!, 'SIGTERM');
  const { output } = await signalAfter('SIGTERM', run, metrics, 21, toGroup);
  expect(output).toMatch(/stopped and saved after step \d+/);
  await expectSameAsWhole(out);
});

async function expectSameAsWhole(out: string): Promise<void> {
  const resumed = await finish(out);
  expect(resumed.losses).toEqual(uninterrupted.losses);
  expect(resumed.losses).toHaveLength(steps);
  expect(resumed.scores).toEqual(uninterrupted.scores);
  expect(resumed.weights.equals(uninterrupted.weights)).toBe(true);
}
