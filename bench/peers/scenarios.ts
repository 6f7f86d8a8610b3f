// What is measured, and the rounds: every scenario on every side in turn, so that a busy spell of the
// machine hits all alike, in the other direction each time.
import { Random } from '../../src/random.ts';
import { median } from '../../src/training/statistics.ts';
import { type Job, type Side, sideName, type Timing } from './peer.ts';
import { agreement, fullBatchRate, prefillRate, type Rate } from './rates.ts';
import type { SideProcess } from './side-process.ts';

/** `count` outputs for each of `batch` prompts of `prompt` tokens. */
export type Scenario = {
  measure: 'decode' | 'prefill' | 'thoughts';
  batch: number;
  prompt: number;
  count: number;
};

const decodes = [
  { batch: 1, prompt: 128, count: 48 },
  { batch: 8, prompt: 128, count: 32 },
  { batch: 32, prompt: 64, count: 24 },
];

export const scenarios: readonly Scenario[] = [
  ...decodes.map((size) => ({ measure: 'decode' as const, ...size })),
  ...decodes.map((size) => ({ measure: 'thoughts' as const, ...size })),
  { measure: 'prefill', batch: 1, prompt: 128, count: 1 },
  { measure: 'prefill', batch: 1, prompt: 512, count: 1 },
];

/** Medians over the rounds; of prefill the processor time is not taken. */
export type Figure = { scenario: Scenario; side: Side; rate: Rate };

/** Greedy tokens that a side of the same width has in common with our first one, of so many. */
export type Agreement = { side: Side; common: number; of: number };

export type Measured = { figures: Figure[]; agreements: Agreement[]; rounds: number };

type Samples = { scenario: Scenario; side: Side; rates: Rate[] };

/**
 * Thoughts are timed on the first of the processes, which is ours.
 * @param endMs on the clock of performance.now(): no round is begun that would probably end later, but one
 */
export async function measureRounds(
  processes: readonly SideProcess[],
  vocab: number,
  rounds: number,
  endMs: number,
  tell: (text: string) => void,
): Promise<Measured> {
  const samples: Samples[] = [];
  const agreements: Agreement[] = [];
  // Round 0 warms up, on the smallest batch only, and compares the texts.
  const first = await Promise.all(
    processes.map(async (process) => ({ process, ids: [] as number[] })),
  );
  for (const entry of first)
    entry.ids = (await runOn(entry.process, scenarios[0]!, vocab, 0)).ids[0]!;
  for (const { process, ids } of first) {
    const ours = first[0]!.ids;
    agreements.push({ side: process.side, common: agreement(ours, ids), of: ours.length });
  }
  let done = 0;
  for (let round = 1, tookMs = 0; round <= rounds; round++) {
    const startMs = performance.now();
    if (startMs + tookMs > endMs && done > 0) break;
    const order = round % 2 === 1 ? processes : processes.toReversed();
    for (const scenario of scenarios) {
      for (const process of order) {
        const { side } = process;
        if (scenario.measure === 'thoughts' && side !== processes[0]!.side) continue;
        const rate = rateOf(scenario, await runOn(process, scenario, vocab, round));
        const known = samples.find((s) => s.scenario === scenario && s.side === side);
        if (known) known.rates.push(rate);
        else samples.push({ scenario, side, rates: [rate] });
        tell(`${round}/${rounds} ${sideName(side)} ${scenario.measure} ${scenario.batch}`);
      }
    }
    tookMs = performance.now() - startMs;
    done = round;
  }
  return { figures: samples.map(toFigure), agreements, rounds: done };
}

function toFigure({ scenario, side, rates }: Samples): Figure {
  const perSecond = median(rates.map((rate) => rate.perSecond));
  const processorMs = median(rates.map((rate) => rate.processorMs));
  return { scenario, side, rate: { perSecond, processorMs } };
}

function rateOf({ measure, prompt }: Scenario, timing: Timing): Rate {
  if (measure !== 'prefill') return fullBatchRate(timing);
  return { perSecond: prefillRate(timing, prompt), processorMs: Number.NaN };
}

function runOn(
  process: SideProcess,
  { measure, batch, prompt, count }: Scenario,
  vocab: number,
  seed: number,
): Promise<Timing> {
  const prompts = randomPrompts(batch, prompt, vocab, seed);
  const output: Job['output'] = measure === 'thoughts' ? 'thoughts' : 'tokens';
  return process.run({ output, prompts, count });
}

/** Other ones for each seed: nobody can answer from a cache. */
export function randomPrompts(
  count: number,
  length: number,
  vocab: number,
  seed: number,
): number[][] {
  const random = new Random(seed);
  const id = () => Math.floor(random.uniform() * vocab);
  return Array.from({ length: count }, () => Array.from({ length }, id));
}
