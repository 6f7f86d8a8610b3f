// The page is a template: each figure of a run must come out where it belongs.
import { describe, expect, it } from 'vitest';
import type { Side } from '../../../bench/peers/peer.ts';
import { performancePage, type Run } from '../../../bench/peers/report.ts';
import type { Scenario } from '../../../bench/peers/scenarios.ts';

const side = (program: Side['program'], width: Side['width']): Side => ({
  program,
  width,
  model: 'm',
  threads: 2,
});
const ours = side('coconut-serve', 'fp32');
const llama = side('node-llama-cpp', 'fp32');
const decode: Scenario = { measure: 'decode', batch: 8, prompt: 128, count: 32 };
const thoughts: Scenario = { ...decode, measure: 'thoughts' };
const prefill: Scenario = { measure: 'prefill', batch: 1, prompt: 512, count: 1 };
const machine = { cpu: 'Test CPU', cores: 2, memoryGiB: 4, node: 'v20.0.0', loadAverage1m: 0.5 };

const figure = (scenario: Scenario, of: Side, perSecond: number, processorMs = 10) => ({
  scenario,
  side: of,
  rate: { perSecond, processorMs },
});

const run: Run = {
  machine: { before: machine, after: { ...machine, loadAverage1m: 2.25 } },
  setup: {
    rounds: 3,
    threads: 2,
    streams: { count: 64, prompt: 16, tokens: 24 },
    model: 'random',
    parameters: 124_400_000,
  },
  versions: { 'node-llama-cpp': '3.0.0', 'transformers.js': null },
  figures: [
    figure(decode, ours, 150),
    figure(decode, llama, 100, 12.34),
    figure(thoughts, ours, 250),
    figure(prefill, ours, 600, Number.NaN),
    figure(prefill, llama, 500, Number.NaN),
  ],
  agreements: [
    { side: ours, common: 48, of: 48 },
    { side: llama, common: 45, of: 48 },
  ],
  http: [{ model: 'random', engine: 200, http: 180, share: 0.9 }],
  starts: {
    bundled: [
      { listenMs: 300, answerMs: 700 },
      { listenMs: 320, answerMs: 760 },
      { listenMs: 310, answerMs: 720 },
    ],
    checkpoint: [{ listenMs: 900, answerMs: 2500 }],
  },
  profiles: [
    {
      width: 'fp32',
      batch: 8,
      ms: 40.5,
      share: {
        'products with weights': 0.6,
        lm_head: 0.25,
        attention: 0.1,
        'everything else': 0.05,
      },
    },
  ],
};

describe('performancePage', () => {
  const page = performancePage(run);

  it('names the machine, the load and what was missing', () => {
    expect(page).toContain('2 cores of Test CPU, 4 GB, Node v20.0.0');
    expect(page).toContain('node-llama-cpp 3.0.0, transformers.js not installed');
    expect(page).toContain('Load average 0.5');
    expect(page).toContain('2.3 after');
  });

  it('lists rates with processor time, and ratios', () => {
    expect(page).toContain('|  | decode B 8 | prefill 512 |');
    expect(page).toContain('| coconut-serve fp32 | 150 (10.0) | 600 |');
    expect(page).toContain('| node-llama-cpp fp32 | 100 (12.3) | 500 |');
    expect(page).toContain('| fp32 : node-llama-cpp fp32 | 1.50 | 1.20 |');
    expect(page).toContain('| fp32 : transformers.js fp32 | – | – |');
  });

  it('judges each aim, also those that were missed or not measured', () => {
    expect(page).toContain('| B 8: fp32 against node-llama-cpp fp32 | ≥ 1.2× | 1.50× | met |');
    expect(page).toContain('| B 8: fp32 against transformers.js | ≥ 3× | not measured | missed |');
    expect(page).toContain('fp32 | ≤ 0.75 | 0.60 | met |');
    expect(page).toContain('| HTTP’s share of the engine | ≥ 0.95 | 0.90 | missed |');
    expect(page).toContain('| cold start, bundled | ≤ 0.8 s | 0.72 s | met |');
    expect(page).toContain('| cold start, random | ≤ 2 s | 2.50 s | missed |');
  });

  it('says where a step’s time goes', () => {
    expect(page).toContain('|  | ms | products with weights | lm_head | attention |');
    expect(page).toContain('| fp32, B 8 | 40.5 | 60% | 25% | 10% | 5% |');
  });

  it('tells thoughts, HTTP, starts and the texts in common', () => {
    expect(page).toContain('| fp32: thoughts/s (share of a token’s time) | 250 (0.60) |');
    expect(page).toContain('| random | 200 | 180 | 90% |');
    expect(page).toContain('| bundled | 0.31 | 0.72 | 0.76 |');
    expect(page).toContain('node-llama-cpp fp32 45 of 48 tokens');
  });
});
