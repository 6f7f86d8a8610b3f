// The charts' axes: label, unit, range and ticks of each kind of figure.
import * as Plot from '@observablehq/plot';
import type { Scale } from './curves.ts';
import { short } from './units.ts';

/** Options of one axis, as Observable Plot takes them. */
export type Axis = { label: string | null; [option: string]: unknown };

/** An upright axis, and the marks that draw what its options cannot. */
export type ValueAxis = { y: Axis; marks: Plot.Markish[] };

const compact = new Intl.NumberFormat('en-US', { notation: 'compact' });

export function examplesAxis(end: number): Axis {
  return { label: 'examples', domain: [0, end], tickFormat: compact.format };
}

/** `end` in the unit of the axis. */
export function timeAxis(unitName: string, end: number): Axis {
  return { label: `wall time (${unitName})`, domain: [0, end] };
}

/** The upright axis of a chart that shows `values`. */
export function valueAxis(scale: Scale, values: readonly number[]): ValueAxis {
  switch (scale) {
    case 'share':
      return { y: { label: null, grid: true, percent: true, domain: [0, 100] }, marks: [] };
    case 'linear':
      return {
        y: { label: null, grid: true, zero: true, ticks: 5, tickFormat: short },
        marks: [],
      };
    case 'log': {
      const ticks = logTicks(...range(values));
      // A log scale leaves labels out where it thinks them too many, but not those given as text.
      const labels = Plot.axisY(ticks, { text: short });
      return { y: { label: null, axis: null, type: 'log' }, marks: [Plot.gridY(ticks), labels] };
    }
  }
}

/** Leading figures of ticks, coarsest first. */
const leadingFigures: readonly (readonly number[])[] = [
  [1],
  [1, 2, 5],
  ...[1, 0.5, 0.2, 0.1].map((step) => Array.from({ length: 9 / step }, (_, i) => 1 + i * step)),
];

/** The roundest numbers that put three ticks or more between `low` and `high` (both above 0). */
export function logTicks(low: number, high: number): number[] {
  let ticks: number[] = [];
  for (const figures of leadingFigures) {
    ticks = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
      // Read as text, 3e-4 is exact; 3 × 10 ** -4 is 0.00030000000000000003.
      ticks.push(...figures.map((figure) => Number(`${figure.toFixed(1)}e${power}`)));
    }
    ticks = ticks.filter((tick) => tick >= low && tick <= high);
    if (ticks.length >= 3) break;
  }
  return ticks;
}

function range(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}
