// Command line of the trainer: train | eval | show-graph.
import { Command } from 'commander';
import { join } from 'node:path';
import cliProgress from 'cli-progress';
import { RunDirectory } from './run-directory.ts';
import { type Progress, train } from './trainer.ts';
import { readTrainingConfig, totalSteps } from './training-config.ts';

const program = new Command('coconut-serve').description('train and evaluate small models that reason in continuous thoughts');

program
  .command('train')
  .argument('<run>', 'run file, e.g. runs/tiny.json')
  .option('--out <dir>', 'where runs are kept', 'out')
  .description('train to the end of the run file, going on from where it stopped')
  .action(async (run: string, options: { out: string }) => {
    const config = readTrainingConfig(run);
    const directory = new RunDirectory(join(options.out, config.name));
    const bar = new cliProgress.SingleBar(
      {
        format: '{bar} {value}/{total} | {rate} ex/s | ETA {eta_formatted} | segment {segment} stage {stage} | loss {loss} | rows {rows}',
        noTTYOutput: true,
        notTTYSchedule: 10_000,
        etaBuffer: 100,
      },
      cliProgress.Presets.shades_classic,
    );
    bar.start(totalSteps(config), 0);
    const state = await train(config, directory, {
      onStep: ({ state, segment, stage, examplesPerSecond, result }: Progress) =>
        bar.update(state.trainStep, {
          rate: examplesPerSecond.toFixed(0),
          segment,
          stage,
          loss: result.loss.toFixed(3),
          rows: result.rowAccuracy.toFixed(2),
        }),
      evaluate: async () => ({}),
    });
    bar.stop();
    console.log(`${config.name}: ${state.trainStep} steps, ${state.examples} examples, ${state.seconds.toFixed(0)} s → ${directory.checkpointPath}`);
  });

await program.parseAsync();
