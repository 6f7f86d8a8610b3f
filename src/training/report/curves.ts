// What the report draws: one row per chart of the train steps, one row per curve of the validations, and
// the colours of the stages. How it is drawn is charts.ts.
import { stageLabel, type TrainPoint, type ValidationPoint } from './run-metrics.ts';

/** How a curve looks in charts and legends; `dash` is an SVG dash array. */
export type CurveStyle = { name: string; color: string; dash: string };

/** share: 0 to 1, shown as 0 to 100. */
export type Scale = 'linear' | 'log' | 'share';

export type TrainingChart = {
  /** With the unit. */
  title: string;
  scale: Scale;
  /** noisy: moving means, a colour per stage. exact: one curve of the values. */
  draw: 'noisy' | 'exact';
  value: (point: TrainPoint) => number;
};

const answerLoss = (point: TrainPoint): number => point.answerLoss;

const trainingCharts: readonly TrainingChart[] = [
  { title: 'Loss (nats per label)', scale: 'log', draw: 'noisy', value: (p) => p.loss },
  {
    title: 'Loss of the text alone (nats per label)',
    scale: 'log',
    draw: 'noisy',
    value: answerLoss,
  },
  { title: 'Row accuracy (%)', scale: 'share', draw: 'noisy', value: (p) => p.rowAccuracy },
  { title: 'Token accuracy (%)', scale: 'share', draw: 'noisy', value: (p) => p.tokenAccuracy },
  { title: 'Gradient norm', scale: 'log', draw: 'noisy', value: (p) => p.gradNorm },
  { title: 'Learning rate', scale: 'linear', draw: 'exact', value: (p) => p.learningRate },
  {
    title: 'Speed (examples/s)',
    scale: 'linear',
    draw: 'noisy',
    value: (p) => p.examplesPerSecond,
  },
];

export type ValidationCurve = CurveStyle & {
  value: (point: ValidationPoint) => number | undefined;
};

const validationCurves: readonly ValidationCurve[] = [
  { name: 'as trained', color: 'currentColor', dash: 'none', value: (p) => p.accuracy },
  {
    name: 'no thoughts',
    color: 'oklch(0.65 0.17 50)',
    dash: '5 3',
    value: (p) => p.zeroThoughtsAccuracy,
  },
  {
    name: "others' thoughts",
    color: 'oklch(0.65 0.17 300)',
    dash: '2 3',
    value: (p) => p.shuffledThoughtsAccuracy,
  },
];

/** The charts of these train steps; the text's loss has its own only where thoughts add to the loss. */
export function trainingChartsOf(train: readonly TrainPoint[]): TrainingChart[] {
  const sameLoss = train.every((point) => point.loss === point.answerLoss);
  return trainingCharts.filter(({ value }) => !(sameLoss && value === answerLoss));
}

/** The curves that have figures. */
export function validationCurvesOf(validation: readonly ValidationPoint[]): ValidationCurve[] {
  return validationCurves.filter(({ value }) => validation.some((p) => value(p) !== undefined));
}

/** Of the tasks that no stage belongs to: greys. */
const taskColors = { walks: 'oklch(0.65 0 0)', text: 'oklch(0.4 0 0)' } as const;

/** A colour per task or stage that occurs; stages from blue to red in the order of the curriculum. */
export function stageStyles(train: readonly TrainPoint[]): CurveStyle[] {
  const questions = train.filter((point) => point.task === 'questions');
  const stages = [...new Set(questions.map((point) => point.stage))].sort((a, b) => a - b);
  const last = Math.max(1, stages.at(-1) ?? 1);
  const styles = stages.map((stage) => ({
    name: stageLabel({ task: 'questions', stage }),
    color: `oklch(0.65 0.16 ${Math.round(260 - (235 * stage) / last)})`,
    dash: 'none',
  }));
  const tasks = (['walks', 'text'] as const).filter((name) => train.some((p) => p.task === name));
  return [...tasks.map((name) => ({ name, color: taskColors[name], dash: 'none' })), ...styles];
}
