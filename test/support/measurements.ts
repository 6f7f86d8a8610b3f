// Measurements of invented figures, for the comparison's tests.
import type { MeasuredRun, Measurement } from '../../src/training/measurement.ts';

/** Of 100 items, the first `right` of them right, or those that `from` begins with. */
export function measuredRun(right: number, from = 0): MeasuredRun {
  const items = Array.from({ length: 100 }, (_, i) => (i >= from && i < from + right ? '1' : '0'));
  return {
    accuracy: right / 100,
    thoughts: 3,
    textTokens: 6,
    right: items.join(''),
    outcomes: null,
  };
}

export function measurement(changes: Partial<Measurement> = {}): Measurement {
  return {
    checkpoint: 'a',
    sha256: 'a'.repeat(64),
    method: 'coconut',
    supervision: 'none',
    options: '',
    filler: 'thought',
    seed: 1,
    examples: 640_000,
    longestQuestion: 6,
    variant: 'v',
    kind: 'prosqa',
    data: { name: 'valid.json', sha256: 'd'.repeat(64), items: 100, generated: false },
    asTrained: measuredRun(90),
    controls: null,
    byThoughts: null,
    ...changes,
  };
}
