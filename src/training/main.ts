// Command line of the trainer: train | bundle | merge | eval | table | inspect | report | stability | show-graph | placement.

import { Argument, Command, Option } from 'commander';
import { reasonOf } from '../errors.ts';
import { weightFormats } from '../model/serving-model.ts';
import { devices } from '../onnx/device.ts';
import { bundleCommand } from './bundle-command.ts';
import { dataKinds } from './datasets/formats.ts';
import { evaluateCommand } from './evaluate-command.ts';
import { inspectCommand } from './inspect-command.ts';
import { mergeCommand } from './merge.ts';
import { integerFrom, integersFrom } from './number-options.ts';
import { type OverviewOptions, writeOverview } from './overview.ts';
import { placementCommand } from './placement-command.ts';
import { writeReport } from './report.ts';
import { graphKinds, showGraphCommand } from './show-graph.ts';
import { stabilityCommand } from './stability-command.ts';
import { tableCommand } from './table-command.ts';
import { trainCommand } from './train-command.ts';

const program = new Command('coconut-serve').description(
  'train and evaluate small models that reason in continuous thoughts',
);

program
  .command('train')
  .argument('<runs...>', 'run files, e.g. runs/tiny.json')
  .option('--out <dir>', 'where runs are kept', 'out')
  .option(
    '--seed <list>',
    'in place of the run files’ seeds, one or several; a run is then called <name>-seed<n>',
    integersFrom(0),
  )
  .option('--at-once <n>', 'of several runs, how many train at a time', integerFrom(1), 1)
  .addOption(
    new Option('--device <device>', 'what computes the steps').choices(devices).default('cpu'),
  )
  .option('--allow-software-gpu', 'webgpu may also be a software adapter, which is slow')
  .description('train to the end of each run file, going on from where it stopped')
  .action(trainCommand);

program
  .command('bundle')
  .argument('<run-directory>', 'a finished run, e.g. out/prosqa-cot')
  .argument('<target>', 'where to, e.g. models/prosqa-cot; an adapter: models/adapters/<name>')
  .option('--half', 'round the weights to half precision; figures are then to be measured anew')
  .description('keep the checkpoint of a run, or its adapter, with run file, seed and thinned log')
  .action(bundleCommand);

program
  .command('merge')
  .argument('<adapter>', 'adapter directory, e.g. models/adapters/gsm8k-coconut-smollm2')
  .argument('<checkpoint>', 'where to, e.g. out/merged/gsm8k-coconut-smollm2')
  .option('--base <dir>', 'where its base stands, if not where it was trained over it')
  .description('adapter and base → a checkpoint that is served and evaluated like any other')
  .action(mergeCommand);

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
  .option('--stopping', 'also: accuracy against mean thoughts for each way to end the thinking')
  .option('--threads <n>', 'threads of the engine', integerFrom(1), 2)
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
  .option('--data <file>', 'measure on this file, not on each run’s own validation file')
  .addOption(
    new Option('--kind <kind>', 'data set of the file').choices(dataKinds).default('prosqa'),
  )
  .option('--items <n>', 'only the first items', integerFrom(1))
  .option('--threads <n>', 'threads of the engine', integerFrom(1), 2)
  .option('--anew', 'measure again what is known already')
  .option('--ood', 'also on generated ProsQA sets out of distribution')
  .option('--train', 'first train them again, by the run files that the checkpoints record')
  .option('--out <dir>', 'where --train keeps its runs', 'out/again')
  .option('--merged <dir>', 'where adapters are merged to', 'out/merged')
  .option('--runs <dir>', 'run files whose methods are listed, trained or not', 'runs')
  .option(
    '--write <stem>',
    'where page (.md) and measurements (.json) are kept; none: docs/comparison, with --train under --out',
  )
  .description(
    'compare methods: accuracy and tokens beside the paper, controls, paired tests, number of thoughts',
  )
  .action(tableCommand);

program
  .command('inspect')
  .argument('<checkpoint>', 'checkpoint directory of a method that thinks')
  .option('--data <file>', 'in place of the run’s own validation file')
  .option('--item <n>', 'the item to look at closely, from 0', integerFrom(0), 0)
  .option('--items <n>', 'items that means are taken over', integerFrom(1), 50)
  .option('--words <n>', 'likeliest words of each thought', integerFrom(1), 5)
  .option('--threads <n>', 'threads of the engine', integerFrom(1), 2)
  .option('--write <file>', 'where it is kept, beside other checkpoints’', 'docs/inspection.json')
  .description('thoughts as words, the search tree, live branches, inner products with nodes')
  .action(inspectCommand);

program
  .command('report')
  .argument('[run-directory]', 'a run, finished or not, e.g. out/tiny; none: all of models/')
  .option('--docs <dir>', 'where table, inspect and stability keep their figures', 'docs')
  .option('--models <dir>', 'checkpoints with their logs', 'models')
  .option('--runs <dir>', 'run files whose methods are listed, trained or not', 'runs')
  .option('--out <file>', 'where the page on all checkpoints goes', 'out/report.html')
  .description('one self-contained page: of a run, beside its metrics, or of all checkpoints')
  .action(async (path: string | undefined, options: OverviewOptions) =>
    console.log(path === undefined ? await writeOverview(options) : await writeReport(path)),
  );

program
  .command('stability')
  .argument('[runs]', 'folder of run files, one per variant', 'runs/stability')
  .option('--seeds <list>', 'seeds of each variant, e.g. 1,2,3', integersFrom(0), [1, 2, 3])
  .option('--out <dir>', 'where the runs are kept; none: out/ and the folder’s name')
  .option('--train', 'train those that are not finished first')
  .option(
    '--write <stem>',
    'where page (.md) and table (.json) are kept; none: docs/ and the folder’s name',
  )
  .option('--title <title>', 'of the page; none: Stability of training')
  .description('what stage borders do to loss and gradients, by variant, over seeds')
  .action(stabilityCommand);

program
  .command('show-graph')
  .addArgument(new Argument('<graph>', 'the engine step or the train step').choices(graphKinds))
  .argument('<source>', 'checkpoint directory or run file')
  .option('--dot', 'Graphviz source instead of text')
  .option('--onnx <file>', 'write an ONNX file instead')
  .description('print a graph, one line per node with shapes')
  .action(showGraphCommand);

program
  .command('placement')
  .addArgument(new Argument('<graph>', 'the engine step or the train step').choices(graphKinds))
  .argument('<source>', 'checkpoint directory or run file')
  .addOption(new Option('--device <device>').choices(devices).default('cpu'))
  .addOption(
    new Option('--weights <format>', 'of the engine step over a checkpoint')
      .choices(weightFormats)
      .default('fp32'),
  )
  .description('which nodes a device computes, and which are left to the CPU')
  .action(placementCommand);

try {
  await program.parseAsync();
} catch (error) {
  program.error(reasonOf(error));
}
