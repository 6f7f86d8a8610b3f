// npm run bench:peers [-- --checkpoint <dir>] [--rounds 3] [--minutes 9] [--threads 2] [--quick]
// Our engine against transformers.js and node-llama-cpp on the same weights, thoughts against tokens,
// HTTP against the engine, and cold starts; writes docs/performance.md. The peers are installed with
// `npm install --prefix bench`; one that is not is left out and said to be.
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machineNow } from '../loadtest/machine.ts';
import { startServer } from '../loadtest/server-process.ts';
import { readCheckpoint } from '../src/model/checkpoint.ts';
import { dimensionsOf } from '../src/model/model-config.ts';
import { parameterCount } from '../src/model/parameters.ts';
import { median } from '../src/training/statistics.ts';
import { writeCheckpointGguf } from './checkpoint-gguf.ts';
import { timeColdStart } from './peers/cold-start.ts';
import { writeDecoder } from './peers/decoder-onnx.ts';
import { timeStreams } from './peers/http-streams.ts';
import type { Side } from './peers/peer.ts';
import { type ColdStarts, type HttpFigure, performancePage } from './peers/report.ts';
import { measureRounds, randomPrompts } from './peers/scenarios.ts';
import { SideProcess } from './peers/side-process.ts';
import { profileStep, type StepProfile } from './peers/step-profile.ts';
import { writeRandomCheckpoint } from './random-checkpoint.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));
const page = join(repository, 'docs/performance.md');
/** Weights in every program's format, kept for the next run. */
const work = join(repository, 'out/peers');
const ggufWidths = [
  ['fp32', 'F32'],
  ['f16', 'F16'],
  ['Q8_0', 'Q8_0'],
] as const;
const streams = { count: 64, prompt: 16, tokens: 24 };

const { values } = parseArgs({
  options: {
    checkpoint: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    /** Fewer rounds where they would take longer. */
    minutes: { type: 'string', default: '9' },
    threads: { type: 'string', default: String(availableParallelism()) },
    /** One round of everything, and no page. */
    quick: { type: 'boolean', default: false },
  },
});
const rounds = values.quick ? 1 : Number(values.rounds);
const minutes = Number(values.minutes);
const threads = Number(values.threads);

const tell = (text: string) => {
  process.stderr.write(`${(performance.now() / 1000).toFixed(0)} s: ${text}\n`);
};

/** Version where the package is installed in bench/, null where not. */
function installed(name: string): string | null {
  return versionAt(`bench/node_modules/${name}`);
}

function versionAt(dir: string): string | null {
  const path = join(repository, dir, 'package.json');
  if (!existsSync(path)) return null;
  return (createRequire(import.meta.url)(path) as { version: string }).version;
}

/** Makes what is missing; a name is taken only once it is whole, so that the next run can trust it. */
function once(path: string, make: (path: string) => void): string {
  if (existsSync(path)) return path;
  tell(`writing ${path}`);
  const partial = `${path}.partial`;
  rmSync(partial, { recursive: true, force: true });
  make(partial);
  renameSync(partial, path);
  return path;
}

/** The same weights for every program. */
function prepareSides(checkpointDir: string): Side[] {
  const { id, sha256 } = readCheckpoint(checkpointDir);
  const made = join(work, `${id}-${sha256.slice(0, 8)}`);
  mkdirSync(made, { recursive: true });
  const sides: Side[] = [
    { program: 'coconut-serve', width: 'fp32', model: checkpointDir, threads },
    { program: 'coconut-serve', width: 'int8', model: checkpointDir, threads },
  ];
  if (installed('@huggingface/transformers')) {
    const model = once(join(made, 'decoder'), (path) => writeDecoder(path, checkpointDir));
    sides.push({ program: 'transformers.js', width: 'fp32', model, threads });
  }
  if (installed('node-llama-cpp')) {
    for (const [width, type] of ggufWidths) {
      const write = (path: string) => writeCheckpointGguf(path, checkpointDir, type);
      const model = once(join(made, `${type}.gguf`), write);
      sides.push({ program: 'node-llama-cpp', width, model, threads });
    }
  }
  return sides;
}

async function measurePeers(sides: readonly Side[], vocab: number) {
  const processes: SideProcess[] = [];
  try {
    for (const side of sides) processes.push(await SideProcess.start(side));
    return await measureRounds(processes, vocab, rounds, minutes * 60_000, tell);
  } finally {
    await Promise.all(processes.map((process) => process.stop()));
  }
}

/** Engine and HTTP in turns, the same prompts through both. */
async function measureHttp(checkpoint: string): Promise<HttpFigure> {
  const { vocab } = dimensionsOf(readCheckpoint(checkpoint).config);
  const side: Side = { program: 'coconut-serve', width: 'fp32', model: checkpoint, threads };
  const engine = await SideProcess.start(side);
  const server = await startServer({
    MODEL_DIR: checkpoint,
    SLOTS: String(streams.count),
    THREADS: String(threads),
    PREFIX_CACHE_MB: '0',
  });
  const perSecond: Record<'engine' | 'http', number[]> = { engine: [], http: [] };
  const tokens = streams.count * streams.tokens;
  try {
    for (let round = 0; round <= rounds; round++) {
      // Ordinary words only: a marker in a prompt is refused.
      const prompts = randomPrompts(streams.count, streams.prompt, vocab - 3, 100 + round);
      const { ms } = await engine.run({ output: 'tokens', prompts, count: streams.tokens });
      const overHttp = await timeStreams(server.url, prompts, streams.tokens);
      if (round === 0) continue; // warms up
      perSecond.engine.push((1000 * tokens) / Math.max(...ms.map((row) => row.at(-1)!)));
      perSecond.http.push(tokens / overHttp);
      tell(`${round}/${rounds} http ${basename(checkpoint)}`);
    }
  } finally {
    await Promise.all([engine.stop(), server.stop()]);
  }
  const { engine: direct, http } = perSecond;
  const share = median(http.map((rate, i) => rate / direct[i]!));
  return { model: basename(checkpoint), engine: median(direct), http: median(http), share };
}

async function measureColdStarts(checkpoint: string): Promise<ColdStarts> {
  const starts: ColdStarts = { bundled: [], checkpoint: [] };
  for (let i = 0; i < (values.quick ? 1 : 5); i++) {
    starts.bundled.push(await timeColdStart({ MODEL: 'prosqa-coconut' }));
    const environment = { MODEL_DIR: checkpoint, MODEL: basename(checkpoint) };
    starts.checkpoint.push(await timeColdStart(environment));
  }
  tell('cold starts done');
  return starts;
}

async function main(): Promise<void> {
  mkdirSync(work, { recursive: true });
  const checkpoint = values.checkpoint
    ? resolve(values.checkpoint)
    : once(join(work, 'gpt2-small-random'), (path) => writeRandomCheckpoint(path));
  const { config } = readCheckpoint(checkpoint);
  const sides = prepareSides(checkpoint);
  const before = machineNow();
  const starts = await measureColdStarts(checkpoint);
  const bundled = join(repository, 'models/prosqa-coconut');
  const http = [await measureHttp(checkpoint), await measureHttp(bundled)];
  const measured = await measurePeers(sides, dimensionsOf(config).vocab);
  const profiles: StepProfile[] = [];
  for (const width of ['fp32', 'int8'] as const) {
    for (const batch of [1, 8, 32]) {
      profiles.push(await profileStep(checkpoint, width, batch, threads));
    }
  }
  const markdown = performancePage({
    machine: { before, after: machineNow() },
    setup: {
      rounds: measured.rounds,
      threads,
      streams,
      model: basename(checkpoint),
      parameters: parameterCount(config),
    },
    versions: {
      'onnxruntime-node': versionAt('node_modules/onnxruntime-node'),
      'transformers.js': installed('@huggingface/transformers'),
      'node-llama-cpp': installed('node-llama-cpp'),
    },
    ...measured,
    http,
    starts,
    profiles,
  });
  process.stdout.write(markdown);
  if (!values.quick) writeFileSync(page, markdown);
}

await main();
