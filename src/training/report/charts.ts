// Draws a run's curves.
import * as Plot from '@observablehq/plot';
import { type Axis, examplesAxis, timeAxis, type ValueAxis, valueAxis } from './axes.ts';
import {
  type CurveStyle,
  stageStyles,
  type TrainingChart,
  trainingChartsOf,
  validationCurvesOf,
} from './curves.ts';
import { type Chart, plotSvg } from './plot-svg.ts';
import {
  type RunMetrics,
  stageLabel,
  type TrainPoint,
  type ValidationPoint,
} from './run-metrics.ts';
import { groupBy, type Point, smooth, thin } from './series.ts';
import { timeUnit } from './units.ts';

/** Points drawn per chart, so that the page of a long run stays small and quick. */
const VALUES_DRAWN = 1200;
const MEANS_DRAWN = 400;
/** Up to here every validation gets a dot. */
const DOTS_DRAWN = 40;

type Progress = { seconds: number; examples: number };
type Look = { strokeWidth: number; strokeOpacity: number };

const bold: Look = { strokeWidth: 1.75, strokeOpacity: 1 };
const faint: Look = { strokeWidth: 0.75, strokeOpacity: 0.35 };

/** Half-life of the moving means, in train steps of one curve: a hundredth of the run. */
export const smoothingHalfLife = (train: readonly TrainPoint[]): number =>
  Math.max(1, Math.round(train.length / 100));

/** Figures of the train steps over the examples seen. */
export function drawTraining({ train }: RunMetrics): Chart[] {
  const axis = examplesAxis(train.at(-1)!.examples);
  return trainingChartsOf(train).map((chart) => {
    const { title, scale, draw, value } = chart;
    const drawn = train.filter((point) => scale !== 'log' || value(point) > 0);
    const marks = draw === 'exact' ? exactMarks(chart, drawn) : noisyMarks(chart, drawn);
    return {
      title,
      svg: toSvg(title, axis, valueAxis(scale, drawn.map(value)), [
        segmentMarks(train, (point) => point.examples),
        marks,
      ]),
    };
  });
}

/** Validation accuracy, controls beside it, over wall time and over the examples seen. */
export function drawValidation({ train, validation }: RunMetrics): Chart[] {
  const ends = [train.at(-1)!, validation.at(-1)!];
  const examples = Math.max(...ends.map((point) => point.examples));
  const seconds = Math.max(...ends.map((point) => point.seconds));
  const unit = timeUnit(seconds);
  const title = 'Validation accuracy (%)';
  return [
    {
      axis: timeAxis(unit.name, seconds / unit.seconds),
      x: (point: Progress) => point.seconds / unit.seconds,
    },
    { axis: examplesAxis(examples), x: (point: Progress) => point.examples },
  ].map(({ axis, x }) => ({
    title,
    svg: toSvg(title, axis, valueAxis('share', []), [
      segmentMarks(train, x),
      validationMarks(validation, x),
    ]),
  }));
}

function validationMarks(
  validation: readonly ValidationPoint[],
  x: (point: Progress) => number,
): Plot.Markish {
  return validationCurvesOf(validation).map(({ value, ...style }) => {
    const points = validation.flatMap((point) => {
      const y = value(point);
      return y === undefined ? [] : [{ x: x(point), y }];
    });
    const dots = points.length > DOTS_DRAWN ? null : dotted(points, style, 1);
    return [curve(thin(points, MEANS_DRAWN), style, bold), dots];
  });
}

function exactMarks({ value }: TrainingChart, train: readonly TrainPoint[]): Plot.Markish {
  const points = train.map((point) => ({ x: point.examples, y: value(point) }));
  return curve(thin(points, VALUES_DRAWN), { color: 'currentColor', dash: 'none' }, bold);
}

/** Per stage and segment: the values, faint, under their moving mean; dots where a mean says little. */
function noisyMarks({ value }: TrainingChart, train: readonly TrainPoint[]): Plot.Markish {
  const halfLife = smoothingHalfLife(train);
  const styles = new Map(stageStyles(train).map((style) => [style.name, style]));
  const means: Plot.Markish[] = [];
  const values: Plot.Markish[] = [];
  // A curve ends with its segment: carried on, its mean would mix two tasks or two learning rates.
  for (const stretch of groupBy(train, (p) => `${p.segment} ${stageLabel(p)}`).values()) {
    const style = styles.get(stageLabel(stretch[0]!))!;
    const points = stretch.map((point) => ({ x: point.examples, y: value(point) }));
    const share = points.length / train.length;
    const shown = thin(points, VALUES_DRAWN * share);
    if (points.length < 4 * halfLife) {
      values.push(dotted(shown, style, 0.5));
    } else {
      values.push(curve(shown, style, faint));
      means.push(curve(thin(smooth(points, halfLife), MEANS_DRAWN * share), style, bold));
    }
  }
  return [...values, ...means];
}

function curve(
  points: readonly Point[],
  { color, dash }: Pick<CurveStyle, 'color' | 'dash'>,
  look: Look,
): Plot.Markish {
  return Plot.lineY(points, { x: 'x', y: 'y', stroke: color, strokeDasharray: dash, ...look });
}

function dotted(
  points: readonly Point[],
  { color }: CurveStyle,
  fillOpacity: number,
): Plot.Markish {
  return Plot.dot(points, { x: 'x', y: 'y', r: 2, fill: color, fillOpacity });
}

/** A hairline where each segment but the first begins, and the segment's number where there is room. */
function segmentMarks(train: readonly TrainPoint[], x: (point: Progress) => number): Plot.Markish {
  const end = x(train.at(-1)!);
  const starts = [...groupBy(train, (point) => point.segment)].map(([segment, points]) => ({
    segment,
    start: segment === 0 ? 0 : x(points[0]!),
    width: x(points.at(-1)!) - x(points[0]!),
  }));
  const number = {
    x: 'start',
    text: 'segment',
    frameAnchor: 'top',
    textAnchor: 'start',
    dx: 3,
    dy: -12,
    fillOpacity: 0.75,
  } as const;
  return [
    Plot.ruleX(starts.slice(1), { x: 'start', strokeOpacity: 0.25 }),
    Plot.text(
      starts.filter(({ width }) => width > 0.05 * end),
      number,
    ),
  ];
}

const toSvg = (title: string, x: Axis, value: ValueAxis, marks: Plot.Markish[]): string =>
  plotSvg(title, { x: { labelOffset: 40, ...x }, y: value.y, marks: [...value.marks, ...marks] });
