// THE table of methods: one row each. What a stage takes out of the chain, what fills the gap, and when.
// Sources: Coconut and its ablations, arXiv 2412.06769; iCoT, arXiv 2405.14838; pause tokens, arXiv 2310.02226;
// pauses in as many passes as thoughts: github.com/bmarti44/research-pipeline. Zeros as thoughts are ours.
import type { FillerName } from '../model/fillers.ts';

export type MethodRow = {
  /** What stands between question and answer in place of the removed steps. */
  filler: FillerName;
  /**
   * scheduled: reasoning steps go as the run's curriculum says; tokens: single tokens go, from the left;
   * first: nothing is ever removed; last: everything always is.
   */
  stages: 'scheduled' | 'tokens' | 'first' | 'last';
};

export const methodNames = [
  'coconut',
  'cot',
  'no-cot',
  'icot',
  'pause',
  'without-curriculum',
  'without-thought',
  'pause-as-thought',
  'pause-multipass',
  'zero-as-thought',
] as const;

export type MethodName = (typeof methodNames)[number];

export const methods: Readonly<Record<MethodName, MethodRow>> = {
  coconut: { filler: 'thought', stages: 'scheduled' },
  cot: { filler: 'none', stages: 'first' },
  'no-cot': { filler: 'none', stages: 'last' },
  icot: { filler: 'none', stages: 'tokens' },
  pause: { filler: 'pause', stages: 'last' },
  'without-curriculum': { filler: 'thought', stages: 'last' },
  'without-thought': { filler: 'none', stages: 'scheduled' },
  'pause-as-thought': { filler: 'pause', stages: 'scheduled' },
  'pause-multipass': { filler: 'pause-pass', stages: 'scheduled' },
  'zero-as-thought': { filler: 'zero', stages: 'scheduled' },
};
