// One run from where it stands to its end, with validation through the serving engine.
import { evaluateCheckpoint } from './evaluate.ts';
import { withEngine } from './evaluate-command.ts';
import { type RunBar, singleBar } from './progress-bars.ts';
import { RunDirectory, type RunState } from './run-directory.ts';
import { totalSteps } from './schedule.ts';
import { type Progress, type TrainerHooks, type TrainOptions, train } from './trainer.ts';
import type { TrainingConfig } from './training-config.ts';
import { exitStopped } from './until-stopped.ts';

/** Trains in `path`, going on from what stands there; where stopped, the exit code says so. Validates on the CPU. */
export async function trainToEnd(
  config: TrainingConfig,
  path: string,
  options: TrainOptions,
  bar: RunBar = singleBar(),
): Promise<'finished' | 'stopped'> {
  const directory = new RunDirectory(path);
  bar.begin(totalSteps(config));
  const onStep = ({ state, segment, stage, examplesPerSecond, result }: Progress) =>
    bar.update(state.trainStep, {
      rate: examplesPerSecond.toFixed(0),
      segment,
      stage,
      loss: result.loss.toFixed(3),
      rows: result.rowAccuracy.toFixed(2),
    });
  const state = await train(config, directory, { onStep, evaluate: validate(config) }, options);
  bar.end();
  return tellEnd(config, state, directory);
}

function tellEnd(
  config: TrainingConfig,
  state: RunState,
  { checkpointPath }: RunDirectory,
): 'finished' | 'stopped' {
  const { trainStep, examples, seconds } = state;
  if (trainStep < totalSteps(config)) {
    console.log(`${config.name}: stopped and saved after step ${trainStep}`);
    process.exitCode = exitStopped;
    return 'stopped';
  }
  console.log(
    `${config.name}: ${trainStep} steps, ${examples} examples, ${seconds.toFixed(0)} s → ${checkpointPath}`,
  );
  return 'finished';
}

function validate({ threads }: TrainingConfig): TrainerHooks['evaluate'] {
  return async (checkpointPath, data) => {
    const { as_trained, zero_thoughts, shuffled_thoughts } = await withEngine(
      checkpointPath,
      { threads, weights: 'fp32' },
      (engine, checkpoint) =>
        evaluateCheckpoint(engine, checkpoint, data.validation, data.isCorrect),
    );
    return {
      accuracy: as_trained.accuracy,
      meanTotalTokens: as_trained.mean_total_tokens,
      ...(zero_thoughts ? { zeroThoughtsAccuracy: zero_thoughts.accuracy } : {}),
      ...(shuffled_thoughts ? { shuffledThoughtsAccuracy: shuffled_thoughts.accuracy } : {}),
    };
  };
}
