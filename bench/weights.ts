// npm run bench:weights [-- --layers 12]
// What holding the weights costs: load time, memory and step times of a random model of GPT-2 small's
// shape, with weights copied into the graph or mapped, and quantised. A fresh process for each.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Checkpoint, readCheckpoint, readWeights } from '../src/model/checkpoint.ts';
import { encodeServingModel } from '../src/model/serving-graphs.ts';
import { servingModel, weightFormats } from '../src/model/serving-model.ts';
import type { Graph } from '../src/onnx/graph.ts';
import { createSession, type Session, type Tensor } from '../src/onnx/session.ts';
import { gpt2Small, writeRandomCheckpoint } from './random-checkpoint.ts';
import { stepFeeds } from './step-feeds.ts';

const variants = ['fp32, copied', ...weightFormats] as const;
type Variant = (typeof variants)[number];

/** New positions T of B sequences that have S behind them. */
const steps = [
  { B: 1, T: 1, S: 64, runs: 15 },
  { B: 8, T: 1, S: 64, runs: 9 },
  { B: 32, T: 1, S: 64, runs: 5 },
  { B: 1, T: 128, S: 64, runs: 5 },
];

/** Megabytes of /proc/self/status: `RssAnon` is what nobody else can have, `VmHWM` the peak. */
function megabytes(field: string): number {
  const line = readFileSync('/proc/self/status', 'utf8').match(new RegExp(`${field}:\\s+(\\d+)`));
  return Math.round(Number(line?.[1]) / 1024);
}

async function load(
  checkpoint: Checkpoint,
  variant: Variant,
): Promise<{ session: Session; graph: Graph }> {
  if (variant !== 'fp32, copied') {
    const { graph, bytes, weightsDir } = servingModel(checkpoint, variant);
    return { graph, session: await createSession(graph, bytes, { threads: 1, weightsDir }) };
  }
  const { graph, bytes } = encodeServingModel(checkpoint.config, readWeights(checkpoint));
  return { graph, session: await createSession(graph, bytes, { threads: 1 }) };
}

/** Median wall and smallest processor milliseconds: the latter holds on a busy machine too. */
async function timeStep(session: Session, fed: Record<string, Tensor>, runs: number) {
  await session.run(fed);
  const [wall, processor]: number[][] = [[], []];
  for (let i = 0; i < runs; i++) {
    const [start, before] = [performance.now(), process.cpuUsage()];
    await session.run(fed);
    wall!.push(performance.now() - start);
    const { user, system } = process.cpuUsage(before);
    processor!.push((user + system) / 1000);
  }
  const median = wall!.toSorted((a, b) => a - b)[runs >> 1]!;
  return `${median.toFixed(1)} (${Math.min(...processor!).toFixed(1)})`;
}

async function measure(dir: string, variant: Variant) {
  const checkpoint = readCheckpoint(dir);
  const [start, before] = [performance.now(), process.cpuUsage()];
  const { session, graph } = await load(checkpoint, variant);
  const { user, system } = process.cpuUsage(before);
  const row: Record<string, string | number> = {
    weights: variant,
    'load ms (processor)': `${(performance.now() - start).toFixed(0)} (${((user + system) / 1000).toFixed(0)})`,
    'peak MB': megabytes('VmHWM'),
  };
  for (const { B, T, S, runs } of steps) {
    row[`B ${B}, T ${T} ms`] = await timeStep(session, stepFeeds(graph, { B, T, S }), runs);
  }
  return { ...row, 'private MB': megabytes('RssAnon'), 'mapped MB': megabytes('RssFile') };
}

function measureAll(layers: number): void {
  const dir = mkdtempSync(join(tmpdir(), 'coconut-weights-'));
  try {
    writeRandomCheckpoint(join(dir, 'random'), { ...gpt2Small, n_layer: layers });
    const rows = variants.map((variant) => {
      const self = [...process.execArgv, process.argv[1]!, '--layers', String(layers)];
      const child = spawnSync(
        process.execPath,
        [...self, '--in', join(dir, 'random'), '--variant', variant],
        {
          encoding: 'utf8',
        },
      );
      if (child.status !== 0)
        throw new Error(`${variant} ended with ${child.status}: ${child.stderr}`);
      return JSON.parse(child.stdout);
    });
    const load = loadavg().map((x) => x.toFixed(1));
    console.log(
      `${cpus()[0]!.model}, 1 thread, load average ${load.join(' ')}; processor ms in ()`,
    );
    console.table(rows);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const { values } = parseArgs({
  options: {
    layers: { type: 'string', default: '12' },
    in: { type: 'string' },
    variant: { type: 'string' },
  },
});
const layers = Number(values.layers);
const variant = variants.find((name) => name === values.variant);
if (values.in && variant) console.log(JSON.stringify(await measure(values.in, variant)));
else measureAll(layers);
