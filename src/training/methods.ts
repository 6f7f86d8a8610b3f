// THE table of methods: one row each. What a stage takes out of the chain, what fills the gap, and when.
// Sources: Coconut and its ablations, arXiv 2412.06769.
import type { CoconutConfig } from '../model/model-config.ts';

export type MethodRow = {
  /** What stands between question and answer in place of the removed steps. */
  filler: CoconutConfig['filler'];
  /** scheduled: as the run's curriculum says; first: nothing is ever removed; last: everything always is. */
  stages: 'scheduled' | 'first' | 'last';
};

export const methodNames = ['coconut', 'cot', 'no-cot'] as const;

export type MethodName = (typeof methodNames)[number];

export const methods: Readonly<Record<MethodName, MethodRow>> = {
  coconut: { filler: 'thought', stages: 'scheduled' },
  cot: { filler: 'none', stages: 'first' },
  'no-cot': { filler: 'none', stages: 'last' },
};
