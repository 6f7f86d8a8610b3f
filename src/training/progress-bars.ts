// How far trainings are, on the terminal: a bar each. Without a terminal, a line each now and then.
import cliProgress from 'cli-progress';

export type RunFigures = {
  rate: string;
  segment: number;
  stage: number | string;
  loss: string;
  rows: string;
};

/** One run's. In a thread of its own it passes on to the one that has the terminal. */
export type RunBar = {
  begin(totalSteps: number): void;
  update(trainStep: number, figures: RunFigures): void;
  end(): void;
};

const FORMAT =
  '{bar} {value}/{total} | {rate} ex/s | ETA {eta_formatted} | segment {segment} stage {stage} | loss {loss} | rows {rows}';
const options = { noTTYOutput: true, notTTYSchedule: 10_000, etaBuffer: 100 };
const unknown: RunFigures = { rate: '-', segment: 0, stage: '-', loss: '-', rows: '-' };

export function singleBar(): RunBar {
  const { shades_classic } = cliProgress.Presets;
  const bar = new cliProgress.SingleBar({ ...options, format: FORMAT }, shades_classic);
  return {
    begin: (totalSteps) => bar.start(totalSteps, 0, unknown),
    update: (trainStep, figures) => bar.update(trainStep, figures),
    end: () => bar.stop(),
  };
}

/** Bars one above the other, named; stop() leaves them as they are. */
export function manyBars(): { add: (run: string) => RunBar; stop: () => void } {
  const settings = { ...options, format: `{run} ${FORMAT}`, gracefulExit: false };
  const bars = new cliProgress.MultiBar(settings, cliProgress.Presets.shades_classic);
  const add = (run: string): RunBar => {
    let bar: cliProgress.SingleBar | undefined;
    return {
      begin: (totalSteps) => {
        bar = bars.create(totalSteps, 0, { run, ...unknown });
      },
      update: (trainStep, figures) => bar?.update(trainStep, figures),
      end: () => bar?.stop(),
    };
  };
  return { add, stop: () => bars.stop() };
}
