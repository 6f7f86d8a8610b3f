// `npm run loadtest`: streams chat completions from a running server at a few concurrencies and one
// Poisson rate, prints a table and writes it as JSON. See docs/deploy.md for what the figures mean.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { Random } from '../src/random.ts';
import { closedLoop, openLoop, type PointResult } from './arrivals.ts';
import { type ChatTarget, type Outcome, streamChat } from './chat-client.ts';
import { requireLoopback } from './loopback.ts';
import { machineNow } from './machine.ts';
import { type Load, type PointReport, reportPoint, tableText } from './report.ts';

const warmupRequests = 3;
const maxInFlight = 256;
/** Share of the best closed-loop throughput that the open loop offers, unless --rate says how much. */
const defaultOpenLoad = 0.6;

function number(low: number, high: number) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`must be a number from ${low} to ${high}`);
  };
}

function wholeNumbers(text: string): number[] {
  const values = text.split(',').map(Number);
  if (values.every((value) => Number.isInteger(value) && value >= 1 && value <= maxInFlight)) {
    return values;
  }
  throw new InvalidArgumentError(`must be whole numbers from 1 to ${maxInFlight}, as in 1,4,8`);
}

const command = new Command('loadtest')
  .description('time streamed chat completions of a running server')
  .option('--target <url>', 'the server', 'http://127.0.0.1:8080')
  .option('--model <id>', 'the first of /v1/models without it')
  .option('--concurrency <list>', 'closed loops to run', wholeNumbers, [1, 2, 4, 8])
  .option('--rate <requests/s>', 'of the open loop', number(0.01, 10_000))
  .option('--requests <n>', 'most requests per point', number(1, 100_000), 100)
  .option('--seconds <n>', 'longest time per point', number(1, 600), 20)
  .option('--timeout <seconds>', 'per request', number(1, 600), 60)
  .option('--max-tokens <n>', 'thoughts and text tokens per answer', number(1, 100_000), 128)
  .option('--thoughts <n>', "the checkpoint's default without it", number(0, 10_000))
  .option('--prompts <file>', 'JSON list of {question}', 'test/data/prosqa-sample.json')
  .option('--seed <n>', 'of arrivals and the order of prompts', number(0, 2 ** 32), 1)
  .option('--out <file>', 'the JSON report', 'out/loadtest.json')
  .option('--yes-i-own-this-target', 'allow a target that is not this machine', false);

type Options = {
  target: string;
  model?: string;
  concurrency: number[];
  rate?: number;
  requests: number;
  seconds: number;
  timeout: number;
  maxTokens: number;
  thoughts?: number;
  prompts: string;
  seed: number;
  out: string;
  yesIOwnThisTarget: boolean;
};

async function main(): Promise<void> {
  const options = command.parse().opts<Options>();
  const url = new URL(options.target);
  if (!options.yesIOwnThisTarget) await requireLoopback(url);
  const target = await chatTarget(url, options);
  const send = sender(target, readPrompts(options.prompts, options.seed));
  await closedLoop(1, { requests: warmupRequests, seconds: options.seconds }, send);

  const points: PointReport[] = [];
  const measure = async (load: Load, result: Promise<PointResult>) => {
    points.push(reportPoint(load, await result));
    process.stderr.write('.');
  };
  for (const concurrency of options.concurrency) {
    await measure({ kind: 'closed', concurrency }, closedLoop(concurrency, options, send));
  }
  const best = Math.max(...points.map((point) => point.requestsPerSecond));
  const requestsPerSecond = options.rate ?? defaultOpenLoad * best;
  if (requestsPerSecond > 0) {
    const random = new Random(options.seed);
    const result = openLoop(requestsPerSecond, maxInFlight, options, random, send);
    await measure({ kind: 'open', requestsPerSecond }, result);
  }
  process.stdout.write(`\n${tableText(points)}`);
  writeReport(options, target, points);
  const failed = points.filter(({ errors, dropped }) => dropped > 0 || Object.keys(errors).length);
  for (const { load, errors, dropped } of failed) {
    process.stderr.write(`failed: ${JSON.stringify({ load, errors, dropped })}\n`);
  }
  process.exitCode = failed.length === 0 ? 0 : 1;
}

async function chatTarget(url: URL, options: Options): Promise<ChatTarget> {
  const apiKey = process.env['API_KEY'] ?? null;
  return {
    url,
    model: options.model ?? (await firstModel(url, apiKey)),
    maxTokens: options.maxTokens,
    thoughts: options.thoughts ?? null,
    apiKey,
    timeoutMs: options.timeout * 1000,
  };
}

async function firstModel(url: URL, apiKey: string | null): Promise<string> {
  const headers: Record<string, string> = apiKey ? { authorization: `Bearer ${apiKey}` } : {};
  const response = await fetch(new URL('/v1/models', url), { headers });
  if (!response.ok) throw new Error(`${url.origin}/v1/models answered ${response.status}`);
  const { data } = (await response.json()) as { data: { id: string }[] };
  if (!data[0]) throw new Error(`${url.origin} serves no model`);
  return data[0].id;
}

function readPrompts(path: string, seed: number): string[] {
  const items = z.array(z.object({ question: z.string().min(1) })).min(1);
  const prompts = items.parse(JSON.parse(readFileSync(path, 'utf8'))).map((item) => item.question);
  return new Random(seed).shuffle(prompts);
}

const sender =
  (target: ChatTarget, prompts: readonly string[]) =>
  (index: number): Promise<Outcome> =>
    streamChat(target, prompts[index % prompts.length] as string);

function writeReport(options: Options, target: ChatTarget, points: PointReport[]): void {
  const { apiKey: _, ...shared } = target;
  const report = { date: new Date().toISOString(), machine: machineNow(), target: shared, points };
  mkdirSync(dirname(options.out), { recursive: true });
  writeFileSync(options.out, `${JSON.stringify(report, null, 2)}\n`);
}

main().catch((error: Error) => {
  process.stderr.write(`loadtest: ${error.message}\n`);
  process.exitCode = 1;
});
