// npm run bench:train-step -- --rows 32 --thoughts 3 (PYTHON=… names a Python that has torch)
// Seconds per train step, ours against eager PyTorch: same model, same batch, same losses, in turns.
// Ours is also timed as the trainer runs it, with the context that rows share encoded once.
import { spawnSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parameterCount } from '../src/model/parameters.ts';
import type { TrainBatch } from '../src/training/collate.ts';
import { Learner } from '../src/training/learner.ts';
import type { OptimizerConfig } from '../src/training/optimizers.ts';
import { median } from '../src/training/statistics.ts';
import { gradientGraph } from '../src/training/training-graph.ts';
import { gemmOperations, gemmPeak } from './gemm.ts';
import {
  formulaBatch,
  formulaWeights,
  modelConfig,
  readScenario,
  type Scenario,
} from './train-scenario.ts';

/** Per step; losses begin with one of an untimed step that compiles and warms up. */
type Timing = { losses: number[]; wallSeconds: number[]; processorSeconds: number[] };

type Side = { name: string; timing: Timing; gemmOperations: number | null };

const optimizer: OptimizerConfig = {
  hiddenMatrices: 'adamw',
  betas: [0.9, 0.999],
  epsilon: 1e-8,
  weightDecay: 0.01,
  decay: 'all',
  clipNorm: 1,
};
const LEARNING_RATE = 1e-4;

async function timeOurs(scenario: Scenario, batch: TrainBatch): Promise<Timing> {
  const config = modelConfig(scenario);
  const learner = new Learner(config, formulaWeights(config), optimizer, {
    device: 'cpu',
    threads: scenario.threads,
  });
  const { loss } = await learner.step([batch], LEARNING_RATE);
  const timing: Timing = { losses: [loss], wallSeconds: [], processorSeconds: [] };
  for (let i = 0; i < scenario.steps; i++) {
    const [wall, processor] = [performance.now(), process.cpuUsage()];
    timing.losses.push((await learner.step([batch], LEARNING_RATE)).loss);
    const { user, system } = process.cpuUsage(processor);
    timing.wallSeconds.push((performance.now() - wall) / 1e3);
    timing.processorSeconds.push((user + system) / 1e6);
  }
  await learner.release();
  return timing;
}

/** Null where that Python has no torch. */
function timePyTorch(scenario: Scenario, python: string): Timing | null {
  const { rounds, ...options } = scenario;
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  if (spawnSync(python, ['-c', 'import torch']).status !== 0) return null;
  const script = fileURLToPath(new URL('pytorch/train_step.py', import.meta.url));
  const { status, stdout, stderr } = spawnSync(python, [script, ...flags], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${python} ${script} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

/** One round after the other over all sides, so that a busy spell of the machine hits each alike. */
async function timeSides(scenario: Scenario): Promise<{ sides: Side[]; peak: number }> {
  const python = process.env['PYTHON'] ?? 'python3';
  const sides: Side[] = [];
  const batches = {
    'ours, whole rows': formulaBatch(scenario, 'repeated'),
    'ours, shared contexts': formulaBatch(scenario, 'shared'),
  };
  let peak = 0;
  for (let round = 0; round < scenario.rounds; round++) {
    const theirs = timePyTorch(scenario, python);
    if (theirs) add(sides, 'PyTorch, eager', theirs, null);
    else if (round === 0)
      console.log(`no PyTorch: "${python}" cannot import torch; timing ours only`);
    for (const [name, batch] of Object.entries(batches)) {
      const graph = gradientGraph(modelConfig(scenario), batch.shape);
      add(sides, name, await timeOurs(scenario, batch), gemmOperations(graph));
    }
    peak = Math.max(peak, await gemmPeak(scenario.threads));
  }
  return { sides, peak };
}

function add(sides: Side[], name: string, timing: Timing, operations: number | null): void {
  const known = sides.find((side) => side.name === name);
  if (!known) {
    sides.push({ name, timing, gemmOperations: operations });
    return;
  }
  known.timing.wallSeconds.push(...timing.wallSeconds);
  known.timing.processorSeconds.push(...timing.processorSeconds);
}

/** The sides computed the same thing, or their times say nothing about each other. */
function checkLosses([first, ...others]: readonly Side[]): void {
  for (const { name, timing } of others) {
    const step = timing.losses.findIndex(
      (x, i) => Math.abs(x / first!.timing.losses[i]! - 1) > 1e-5,
    );
    if (step < 0) continue;
    const [ours, theirs] = [timing.losses[step], first!.timing.losses[step]];
    throw new Error(`loss of step ${step}: ${name} ${ours}, ${first!.name} ${theirs}`);
  }
}

async function main(): Promise<void> {
  const scenario = readScenario();
  const { sides, peak } = await timeSides(scenario);
  checkLosses(sides);
  const baseline = sides.find(({ name }) => name.startsWith('PyTorch'));
  const ratio = (side: Side, clock: 'wallSeconds' | 'processorSeconds'): string =>
    baseline ? (median(baseline.timing[clock]) / median(side.timing[clock])).toFixed(2) : '-';
  const table = sides.map((side) => {
    const wall = median(side.timing.wallSeconds);
    const share = side.gemmOperations && side.gemmOperations / wall / peak;
    return {
      side: side.name,
      'last loss': side.timing.losses.at(-1)!.toFixed(4),
      'wall s/step': wall.toFixed(3),
      'fastest s/step': Math.min(...side.timing.wallSeconds).toFixed(3),
      'processor s/step': median(side.timing.processorSeconds).toFixed(3),
      'examples/s': (scenario.rows / wall).toFixed(1),
      'times PyTorch (wall)': ratio(side, 'wallSeconds'),
      'times PyTorch (processor)': ratio(side, 'processorSeconds'),
      'share of GEMM peak': share === null ? '-' : share.toFixed(2),
    };
  });
  const load = loadavg().map((x) => x.toFixed(1));
  console.log(`${cpus()[0]!.model}, ${cpus().length} cores, load average ${load.join(' ')}`);
  console.log(`${parameterCount(modelConfig(scenario))} parameters, ${JSON.stringify(scenario)}`);
  console.log(`GEMM peak ${(peak / 1e9).toFixed(1)} GFLOP/s on ${scenario.threads} thread(s)`);
  console.table(table);
}

await main();
