// Charts over several checkpoints: accuracy against thoughts, controls, outcomes; and of an inspection: live branches
// and inner products.
import * as Plot from '@observablehq/plot';
import { type Inspection, readOuts } from '../inspect/inspection.ts';
import { nodeGroups } from '../inspect/node-groups.ts';
import { type Outcome, outcomes } from '../inspect/outcome.ts';
import type { MeasuredRun, Measurement } from '../measurement.ts';
import type { CurveStyle } from './curves.ts';
import { type Chart, plotSvg, seriesColors } from './plot-svg.ts';

const styled = (names: readonly string[]): CurveStyle[] =>
  names.map((name, i) => ({ name, color: seriesColors[i % seriesColors.length]!, dash: 'none' }));

const colorOf = (styles: readonly CurveStyle[], name: string): string =>
  styles.find((style) => style.name === name)!.color;

const percents = { label: null, grid: true, domain: [0, 100] };
const wholes = (last: number): number[] => Array.from({ length: last + 1 }, (_, i) => i);

/** Checkpoints that were tried at several numbers of thoughts, each in its colour. */
export const sweepStyles = (measured: readonly Measurement[]): CurveStyle[] =>
  styled(measured.flatMap(({ checkpoint, byThoughts }) => (byThoughts ? [checkpoint] : [])));

export function drawSweeps(measured: readonly Measurement[]): Chart {
  const styles = sweepStyles(measured);
  const title = 'Accuracy (%) by number of thoughts; ring: as trained';
  const points = measured.flatMap(({ checkpoint, byThoughts, asTrained }) =>
    (byThoughts ?? []).map(({ accuracy }, thoughts) => ({
      thoughts,
      accuracy: 100 * accuracy,
      color: colorOf(styles, checkpoint),
      isOwn: thoughts === asTrained.thoughts,
    })),
  );
  const last = Math.max(...points.map(({ thoughts }) => thoughts));
  const place = { x: 'thoughts', y: 'accuracy', stroke: 'color' } as const;
  return {
    title,
    svg: plotSvg(title, {
      x: { label: 'thoughts', ticks: wholes(last), tickFormat: String, labelOffset: 40 },
      y: percents,
      marks: [
        Plot.lineY(points, { ...place, z: 'color', strokeWidth: 1.75 }),
        Plot.dot(points, { x: 'thoughts', y: 'accuracy', r: 2.5, fill: 'color' }),
        Plot.dot(
          points.filter(({ isOwn }) => isOwn),
          { ...place, r: 6, strokeWidth: 1.75 },
        ),
      ],
    }),
  };
}

export const controlStyles = styled([
  'own thoughts',
  'another item’s',
  'own, shuffled',
  'noise',
  'zeros',
  'none',
]);

export function drawControls(measured: readonly Measurement[]): Chart {
  const title = 'Accuracy (%) with something else in place of the thoughts';
  const bars = measured.flatMap(({ checkpoint, asTrained, controls, byThoughts }) => {
    if (!controls || !byThoughts) return [];
    const { others, shuffle, noise, zero } = controls;
    return [asTrained, others, shuffle, noise, zero, byThoughts[0]!].map(({ accuracy }, i) => ({
      checkpoint,
      ...controlStyles[i]!,
      accuracy: 100 * accuracy,
    }));
  });
  const groups = new Set(bars.map(({ checkpoint }) => checkpoint)).size;
  return {
    title,
    svg: plotSvg(title, {
      height: 76 + 116 * groups,
      marginLeft: 20,
      marginTop: 24,
      x: { ...percents, label: null },
      y: { axis: null, domain: controlStyles.map(({ name }) => name), padding: 0.15 },
      fy: { axis: null, padding: 0.22 },
      marks: [
        Plot.barX(bars, { x: 'accuracy', y: 'name', fy: 'checkpoint', fill: 'color' }),
        Plot.text(bars, {
          x: 'accuracy',
          y: 'name',
          fy: 'checkpoint',
          text: ({ accuracy }: { accuracy: number }) => accuracy.toFixed(1),
          textAnchor: 'start',
          dx: 4,
          fontSize: 11,
        }),
        Plot.text([...new Set(bars.map(({ checkpoint }) => checkpoint))], {
          fy: (checkpoint: string) => checkpoint,
          text: (checkpoint: string) => checkpoint,
          frameAnchor: 'top-left',
          dy: -15,
          fontWeight: 600,
        }),
      ],
    }),
  };
}

export const outcomeStyles: CurveStyle[] = (
  [
    ['correct path', 'oklch(0.62 0.15 150)'],
    ['longer path', 'oklch(0.75 0.13 130)'],
    ['correct label', 'oklch(0.65 0.13 220)'],
    ['incorrect label', 'oklch(0.78 0.09 220)'],
    ['wrong target', 'oklch(0.72 0.15 70)'],
    ['hallucination', 'oklch(0.6 0.18 25)'],
  ] satisfies [Outcome, string][]
).map(([name, color]) => ({ name, color, dash: 'none' }));

/** A bar per checkpoint, and for those that think one per number of thoughts up to their own. */
export function drawOutcomes(measured: readonly Measurement[]): Chart {
  const title = 'Outcomes (% of items)';
  const rows = measured.flatMap(({ checkpoint, asTrained, byThoughts }) =>
    byThoughts
      ? byThoughts
          .slice(0, Math.ceil(asTrained.thoughts) + 1)
          .map((run, thoughts) => ({ name: `${checkpoint}, ${thoughts} thoughts`, run }))
      : [{ name: checkpoint, run: asTrained }],
  );
  const bars = rows.flatMap(({ name, run }) => shares(name, run));
  return {
    title,
    svg: plotSvg(title, {
      height: 44 + 24 * rows.length,
      marginLeft: 14 + 6.6 * Math.max(...rows.map(({ name }) => name.length)),
      marginTop: 4,
      width: 700,
      x: { ...percents, grid: false },
      y: { label: null, domain: rows.map(({ name }) => name), padding: 0.2, tickSize: 0 },
      marks: [Plot.barX(bars, { x: 'share', y: 'name', fill: 'color', order: null })],
    }),
  };
}

function shares(name: string, { outcomes: counts, right }: MeasuredRun) {
  return outcomeStyles.flatMap((style) => {
    const count = counts?.[style.name as Outcome] ?? 0;
    return count === 0 ? [] : [{ name, color: style.color, share: (100 * count) / right.length }];
  });
}

export const hasOutcomes = ({ asTrained }: Measurement): boolean =>
  outcomes.some((name) => asTrained.outcomes?.[name] !== undefined);

const branchStyles = styled(readOuts.map((readOut) => `read from the ${readOut}`));

/** How many branches the frontier's probability comes to, by thoughts. */
export function drawBranches({ branches }: Inspection): Chart {
  const title = 'Live branches on the frontier (exp of the entropy)';
  const points = branches.map(({ readOut, thoughts, effective }) => ({
    thoughts,
    effective,
    color: colorOf(branchStyles, `read from the ${readOut}`),
  }));
  const last = Math.max(...points.map(({ thoughts }) => thoughts));
  return {
    title,
    legend: branchStyles,
    svg: plotSvg(title, {
      x: { label: 'thoughts', ticks: wholes(last), tickFormat: String, labelOffset: 40 },
      y: { label: null, grid: true, zero: true, nice: true, ticks: 5 },
      marks: [
        Plot.lineY(points, {
          x: 'thoughts',
          y: 'effective',
          stroke: 'color',
          z: 'color',
          strokeWidth: 1.75,
        }),
        Plot.dot(points, { x: 'thoughts', y: 'effective', r: 3, fill: 'color' }),
      ],
    }),
  };
}

const groupStyles = styled(nodeGroups);

/** Mean and one standard deviation either side, a group of dots per thought. */
export function drawProducts({ products }: Inspection): Chart {
  const title = 'Inner product of a thought with the embeddings of nodes';
  const thoughts = [...new Set(products.map(({ thought }) => thought))];
  const points = products.map(({ thought, group, mean, deviation }) => ({
    x: thought + 0.13 * (nodeGroups.indexOf(group) - 1.5),
    mean,
    low: mean - deviation,
    high: mean + deviation,
    color: colorOf(groupStyles, group),
  }));
  return {
    title,
    legend: groupStyles,
    svg: plotSvg(title, {
      x: {
        label: 'thought',
        domain: [0.6, Math.max(...thoughts) + 0.4],
        ticks: thoughts,
        tickFormat: String,
        labelOffset: 40,
      },
      y: { label: null, grid: true, nice: true, ticks: 5 },
      marks: [
        Plot.ruleY([0], { strokeOpacity: 0.4 }),
        Plot.ruleX(points, { x: 'x', y1: 'low', y2: 'high', stroke: 'color', strokeWidth: 1.75 }),
        Plot.dot(points, { x: 'x', y: 'mean', r: 4, fill: 'color' }),
      ],
    }),
  };
}
