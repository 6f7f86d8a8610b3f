// Draws the curves as SVG text, without a browser. Colours follow the page's theme (currentColor).
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import {
  type CurveStyle,
  type Scale,
  stageStyles,
  type TrainingChart,
  trainingChartsOf,
  validationCurvesOf,
} from './curves.ts';
import { type RunMetrics, stageLabel, type TrainPoint } from './run-metrics.ts';
import { groupBy, type Point, smooth, thin } from './series.ts';
import { timeUnit } from './units.ts';

export type Chart = { title: string; svg: string };

/** Points drawn per chart, so that the page of a long run stays small and quick. */
const VALUES_DRAWN = 1200;
const MEANS_DRAWN = 400;
/** Up to here every validation gets a dot. */
const DOTS_DRAWN = 40;

type Axis = { label: string | null; [option: string]: unknown };
type Look = { strokeWidth: number; strokeOpacity: number };

const bold: Look = { strokeWidth: 1.75, strokeOpacity: 1 };
const faint: Look = { strokeWidth: 0.75, strokeOpacity: 0.35 };

const examplesAxis: Axis = { label: 'examples', tickFormat: '~s' };

const valueAxes: Record<Scale, Axis> = {
  linear: { label: null, type: 'linear', zero: true, tickFormat: '~s' },
  log: { label: null, type: 'log', tickFormat: '~g', ticks: 5 },
  share: { label: null, percent: true, domain: [0, 100] },
};

/** Half-life of the moving means, in train steps of one curve: a hundredth of the run. */
export const smoothingHalfLife = (train: readonly TrainPoint[]): number =>
  Math.max(1, Math.round(train.length / 100));

/** Figures of the train steps over the examples seen. */
export function drawTraining({ train }: RunMetrics): Chart[] {
  return trainingChartsOf(train).map((chart) => ({
    title: chart.title,
    svg: draw(chart.title, examplesAxis, valueAxes[chart.scale], [
      segmentMarks(train, (point) => point.examples),
      trainingMarks(chart, train),
    ]),
  }));
}

/** Validation accuracy, controls beside it, over wall time and over the examples seen. */
export function drawValidation({ train, validation }: RunMetrics): Chart[] {
  const unit = timeUnit(
    Math.max(0, ...[train.at(-1), validation.at(-1)].map((p) => p?.seconds ?? 0)),
  );
  const timeAxis: Axis = { label: `wall time (${unit.name})` };
  const title = 'Validation accuracy (%)';
  return [
    { axis: timeAxis, x: (point: Progress) => point.seconds / unit.seconds },
    { axis: examplesAxis, x: (point: Progress) => point.examples },
  ].map(({ axis, x }) => ({
    title,
    svg: draw(title, axis, valueAxes.share, [
      segmentMarks(train, x),
      validationCurvesOf(validation).map(({ value, ...style }) =>
        validationMarks(
          validation.flatMap((point) => {
            const y = value(point);
            return y === undefined ? [] : [{ x: x(point), y }];
          }),
          style,
        ),
      ),
    ]),
  }));
}

type Progress = { seconds: number; examples: number };

function trainingMarks(
  { scale, draw, value }: TrainingChart,
  train: readonly TrainPoint[],
): Plot.Markish[] {
  const styles = new Map(stageStyles(train).map((style) => [style.name, style]));
  // A curve ends with its segment: carried on, its mean would mix two tasks or two learning rates.
  const stretches = groupBy(train, (point) => `${point.segment} ${stageLabel(point)}`);
  const marks = [...stretches.values()].map((stretch) => {
    const style = styles.get(stageLabel(stretch[0]!))!;
    const points = stretch
      .map((point) => ({ x: point.examples, y: value(point) }))
      .filter(({ y }) => scale !== 'log' || y > 0);
    const line = (of: readonly Point[], limit: number, look: Look): Plot.Markish =>
      curve(thin(of, (limit * points.length) / train.length), style, look);
    const means = smooth(points, smoothingHalfLife(train));
    return draw === 'exact'
      ? { under: null, over: line(points, VALUES_DRAWN, bold) }
      : { under: line(points, VALUES_DRAWN, faint), over: line(means, MEANS_DRAWN, bold) };
  });
  return [...marks.map(({ under }) => under), ...marks.map(({ over }) => over)];
}

function validationMarks(points: readonly Point[], style: CurveStyle): Plot.Markish[] {
  const line = curve(thin(points, MEANS_DRAWN), style, bold);
  if (points.length > DOTS_DRAWN) return [line];
  return [line, Plot.dot(points, { x: 'x', y: 'y', r: 2.2, fill: style.color })];
}

function curve(points: readonly Point[], { color, dash }: CurveStyle, look: Look): Plot.Markish {
  return Plot.lineY(points, { x: 'x', y: 'y', stroke: color, strokeDasharray: dash, ...look });
}

/** A hairline where each segment but the first begins, and the segment's number where there is room. */
function segmentMarks(
  train: readonly TrainPoint[],
  x: (point: Progress) => number,
): Plot.Markish[] {
  const end = train.length === 0 ? 0 : x(train.at(-1)!);
  const starts = [...groupBy(train, (point) => point.segment)].map(([segment, points]) => ({
    segment,
    start: segment === 0 ? 0 : x(points[0]!),
    width: x(points.at(-1)!) - x(points[0]!),
  }));
  const roomy = starts.filter(({ width }) => width > 0.05 * end);
  return [
    Plot.ruleX(starts.slice(1), { x: 'start', strokeOpacity: 0.25 }),
    Plot.text(roomy, {
      x: 'start',
      text: 'segment',
      frameAnchor: 'top',
      textAnchor: 'start',
      dx: 3,
      dy: -12,
      fillOpacity: 0.6,
    }),
  ];
}

function draw(title: string, x: Axis, y: Axis, marks: Plot.Markish[]): string {
  const { document } = parseHTML('<html></html>');
  const svg = Plot.plot({
    document,
    width: 560,
    height: 250,
    marginLeft: 48,
    ariaLabel: title,
    style: { fontSize: '12px', background: 'none' },
    x: { nice: false, zero: true, ...x },
    y: { grid: true, ...y },
    marks,
  });
  return svg.outerHTML;
}
