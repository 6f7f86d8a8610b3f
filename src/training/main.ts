// Command line of the trainer: train | eval | table | report | show-graph.

import { join } from 'node:path';
import cliProgress from 'cli-progress';
import { Argument, Command, Option } from 'commander';
import { weightFormats } from '../model/serving-model.ts';
import { dataKinds } from './datasets/formats.ts';
import { evaluateCheckpoint } from './evaluate.ts';
import { evaluateCommand, withEngine } from './evaluate-command.ts';
import { writeReport } from './report.ts';
import { RunDirectory } from './run-directory.ts';
import { graphKinds, showGraphCommand } from './show-graph.ts';
import { tableCommand } from './table-command.ts';
import { type Progress, train } from './trainer.ts';
import { readTrainingConfig, totalSteps } from './training-config.ts';
import type { TrainingData } from './training-data.ts';

/** sysexits' EX_TEMPFAIL: stopped by a signal, saved, to be gone on with. deploy/ knows it. */
const exitStopped = 75;

const program = new Command('coconut-serve').description(
  'train and evaluate small models that reason in continuous thoughts',
);

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
        format:
          '{bar} {value}/{total} | {rate} ex/s | ETA {eta_formatted} | segment {segment} stage {stage} | loss {loss} | rows {rows}',
        noTTYOutput: true,
        notTTYSchedule: 10_000,
        etaBuffer: 100,
      },
      cliProgress.Presets.shades_classic,
    );
    bar.start(totalSteps(config), 0, { rate: '-', segment: 0, stage: '-', loss: '-', rows: '-' });
    const hooks = {
      onStep: ({ state, segment, stage, examplesPerSecond, result }: Progress) =>
        bar.update(state.trainStep, {
          rate: examplesPerSecond.toFixed(0),
          segment,
          stage,
          loss: result.loss.toFixed(3),
          rows: result.rowAccuracy.toFixed(2),
        }),
      evaluate: async (checkpointPath: string, data: TrainingData) => {
        const { as_trained, zero_thoughts, shuffled_thoughts } = await withEngine(
          checkpointPath,
          { threads: config.threads, weights: 'fp32' },
          (engine, checkpoint) =>
            evaluateCheckpoint(engine, checkpoint, data.validation, data.isCorrect),
        );
        return {
          accuracy: as_trained.accuracy,
          meanTotalTokens: as_trained.mean_total_tokens,
          ...(zero_thoughts ? { zeroThoughtsAccuracy: zero_thoughts.accuracy } : {}),
          ...(shuffled_thoughts ? { shuffledThoughtsAccuracy: shuffled_thoughts.accuracy } : {}),
        };
      },
    };
    const state = await train(config, directory, hooks, stopSignal());
    bar.stop();
    if (state.trainStep < totalSteps(config)) {
      console.log(`${config.name}: stopped and saved after step ${state.trainStep}`);
      process.exitCode = exitStopped;
      return;
    }
    console.log(
      `${config.name}: ${state.trainStep} steps, ${state.examples} examples, ${state.seconds.toFixed(0)} s → ${directory.checkpointPath}`,
    );
    console.log(`curves: ${await writeReport(directory.path)}`);
  });

program
  .command('eval')
  .argument('<checkpoint>', 'checkpoint directory')
  .argument('<data>', 'data file in the published form of its kind')
  .option(
    '--baseline <dir>',
    'chain-of-thought checkpoint to compare with, already evaluated on the same file',
  )
  .addOption(new Option('--kind <kind>', 'data set').choices(dataKinds).default('prosqa'))
  .option('--skip-malformed', 'keep the rest of a file with malformed records')
  .option('--threads <n>', 'threads of the engine', Number, 2)
  .addOption(
    new Option('--weights <format>', 'width of the weights; only fp32 writes eval.json')
      .choices(weightFormats)
      .default('fp32'),
  )
  .description('score a checkpoint through the serving engine and write its eval.json')
  .action(evaluateCommand);

program
  .command('table')
  .argument('[dir]', 'directory of checkpoints', 'models')
  .option('--data <file>', 'measure on this file instead of reading eval.json')
  .addOption(
    new Option('--kind <kind>', 'data set of the file').choices(dataKinds).default('prosqa'),
  )
  .option('--items <n>', 'only the first items of the file', Number)
  .option('--threads <n>', 'threads of the engine', Number, 2)
  .description(
    'compare methods: accuracy and tokens beside the paper, paired tests, number of thoughts',
  )
  .action(tableCommand);

program
  .command('report')
  .argument('<run-directory>', 'a run, finished or not, e.g. out/tiny')
  .description('write report.html beside its metrics: curves, segments, scores, in one file')
  .action(async (path: string) => console.log(await writeReport(path)));

program
  .command('show-graph')
  .addArgument(new Argument('<graph>', 'the engine step or the train step').choices(graphKinds))
  .argument('<source>', 'checkpoint directory or run file')
  .option('--dot', 'Graphviz source instead of text')
  .option('--onnx <file>', 'write an ONNX file instead')
  .description('print a graph, one line per node with shapes')
  .action(showGraphCommand);

/** Aborted by SIGTERM or SIGINT. Whoever signals twice does not want to wait for the step's end. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return stop.signal;
}

await program.parseAsync();
