// CLI of the data sets:
//   npm run data -- stats [file] [--items N] [--seed S]   a data set in numbers: published, file and generator (--kind)
//   npm run data -- draw --set 7-hop --items 500          a named test set (7-hop, 8-hop, dag, dense, balanced)
//   npm run data -- draw --nodes 5-6 --hops 1-6 --items 100    fresh items in the published format, on stdout
import { Command, InvalidArgumentError, Option } from 'commander';
import { Random } from '../random.ts';
import {
  type ChainMeasure,
  chainMeasures,
  chainStatistics,
  publishedChains,
} from './datasets/chain-statistics.ts';
import { DatasetError, type Example } from './datasets/example.ts';
import { type DataKind, dataKinds, formats } from './datasets/formats.ts';
import { drawMultiplication } from './datasets/multiplication.ts';
import { drawProntoqa } from './datasets/prontoqa-generator.ts';
import { factsKey, type ProsqaItem, readProsqa, splitQuestion } from './datasets/prosqa.ts';
import { PROSQA_SIZES, ProsqaGenerator } from './datasets/prosqa-generator.ts';
import { drawProsqaSet, type ProsqaSet, prosqaSets } from './datasets/prosqa-sets.ts';
import {
  type MeasureName,
  measureNames,
  PAPER_STATISTICS,
  prosqaStatistics,
} from './datasets/prosqa-statistics.ts';
import { integerFrom } from './number-options.ts';
import { markdownTable } from './report/markdown.ts';

type Column<Name extends string> = {
  title: string;
  values: Partial<Record<Name, number>>;
  digits: number;
};

type StatisticsOptions = { kind: DataKind; skipMalformed?: boolean; items: number; seed: number };

function printStatistics(file: string | undefined, options: StatisticsOptions): void {
  if (options.kind === 'prosqa') printProsqaStatistics(file, options);
  else printChainStatistics(file, options);
}

/** Generators of single items, by data set; multiplication of four digits. */
const generators: Partial<Record<DataKind, (random: Random) => Example>> = {
  prontoqa: drawProntoqa,
  multiplication: (random) => drawMultiplication(random, 4),
};

function printChainStatistics(
  file: string | undefined,
  { kind, skipMalformed, items: count, seed }: StatisticsOptions,
): void {
  const columns: Column<ChainMeasure>[] = [
    { title: 'published', values: publishedChains[kind], digits: 1 },
  ];
  const add = (origin: string, examples: Example[]): void => {
    const title = `${origin}, n = ${examples.length}`;
    columns.push({ title, values: chainStatistics(examples), digits: 2 });
  };
  if (file !== undefined) {
    const { items, skipped } = formats[kind].read(file, skipMalformed ? 'skip' : 'throw');
    for (const { message } of skipped) console.warn(`left out: ${message}`);
    add('file', items);
  }
  const random = new Random(seed);
  const draw = generators[kind];
  if (draw)
    add(
      'generated',
      Array.from({ length: count }, () => draw(random)),
    );
  process.stdout.write(`${statisticsTable(chainMeasures, columns)}\n`);
}

function printProsqaStatistics(
  file: string | undefined,
  options: { items: number; seed: number },
): void {
  const published = file === undefined ? [] : readProsqa(file, 'throw').items;
  const excluded = new Set(
    published.map(({ example }) => factsKey(splitQuestion(example.question).facts)),
  );
  const generator = new ProsqaGenerator(new Random(options.seed), { ...PROSQA_SIZES, excluded });
  const generated = Array.from({ length: options.items }, () => generator.next());
  const columns: Column<MeasureName>[] = [{ title: 'paper', values: PAPER_STATISTICS, digits: 1 }];
  if (file !== undefined) columns.push(measured('published', published));
  columns.push(measured('generated', generated));
  process.stdout.write(`${statisticsTable(measureNames, columns)}\n`);
}

type Range = { min: number; max: number };

type DrawOptions = { nodes: Range; hops: Range; set?: ProsqaSet; items: number; seed: number };

function printItems({ nodes, hops, set, items: count, seed }: DrawOptions): void {
  const random = new Random(seed);
  const draw = (): ProsqaItem[] => {
    if (set !== undefined) return drawProsqaSet(set, random, count);
    const generator = new ProsqaGenerator(random, { nodes, hops, excluded: new Set() });
    return Array.from({ length: count }, () => generator.next());
  };
  const items = draw().map(toPublished);
  process.stdout.write(`[\n${items.map((item) => JSON.stringify(item)).join(',\n')}\n]\n`);
}

function toPublished({ example, graph, words, root, target, distractor }: ProsqaItem) {
  const { question, answer, steps } = example;
  const { edges } = graph;
  return {
    question,
    answer,
    steps,
    idx_to_symbol: words,
    edges,
    root,
    target,
    neg_target: distractor,
  };
}

function measured(origin: string, items: ProsqaItem[]): Column<MeasureName> {
  return { title: `${origin}, n = ${items.length}`, values: prosqaStatistics(items), digits: 2 };
}

function statisticsTable<Name extends string>(
  names: readonly Name[],
  columns: readonly Column<Name>[],
): string {
  return markdownTable(
    ['mean per item', ...columns.map(({ title }) => title)],
    names.map((name) => [
      name,
      ...columns.map(({ values, digits }) => values[name]?.toFixed(digits) ?? ''),
    ]),
  );
}

function toRange(text: string): Range {
  const [, min, max] = /^(\d+)-(\d+)$/.exec(text)?.map(Number) ?? [];
  if (min === undefined || max === undefined || min > max)
    throw new InvalidArgumentError(`must be a range such as 5-8, got "${text}"`);
  return { min, max };
}

const program = new Command('data').description('Look at the data sets.');
program
  .command('stats')
  .description('statistics of a data set: as published, of a file, of our generator')
  .argument('[file]', 'JSON in the published format, for example test/data/prosqa-sample.json')
  .addOption(new Option('--kind <kind>', 'data set').choices(dataKinds).default('prosqa'))
  .option('--skip-malformed', 'keep the rest of a file with malformed records')
  .option('--items <count>', 'items to generate', integerFrom(1), 2000)
  .option('--seed <seed>', 'seed of the generator', integerFrom(0), 1)
  .action(printStatistics);
program
  .command('draw')
  .description('fresh ProsQA items, one question a graph, in the published format')
  .option('--nodes <range>', 'nodes drawn per graph', toRange, PROSQA_SIZES.nodes)
  .option('--hops <range>', 'reasoning steps of a question', toRange, PROSQA_SIZES.hops)
  .addOption(
    new Option('--set <name>', 'a named test set, in place of nodes and hops').choices(prosqaSets),
  )
  .option('--items <count>', 'items to generate', integerFrom(1), 100)
  .option('--seed <seed>', 'seed of the generator', integerFrom(0), 1)
  .action(printItems);
try {
  program.parse();
} catch (error) {
  if (!(error instanceof DatasetError)) throw error;
  program.error(error.message); // the file is at fault, so a stack trace would only hide what is wrong
}
