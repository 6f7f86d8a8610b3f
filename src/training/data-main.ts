// CLI of the data sets:
//   npm run data -- stats [file] [--items N] [--seed S]   ProsQA in numbers: paper, file and generator side by side
//   npm run data -- draw --set 7-hop --items 500          a named test set (7-hop, 8-hop, dag, dense, balanced)
//   npm run data -- draw --nodes 5-6 --hops 1-6 --items 100    fresh items in the published format, on stdout
import { Command, InvalidArgumentError, Option } from 'commander';
import { Random } from '../random.ts';
import { DatasetError } from './datasets/example.ts';
import { factsKey, type ProsqaItem, readProsqa, splitQuestion } from './datasets/prosqa.ts';
import { PROSQA_SIZES, ProsqaGenerator } from './datasets/prosqa-generator.ts';
import { drawProsqaSet, type ProsqaSet, prosqaSets } from './datasets/prosqa-sets.ts';
import {
  measureNames,
  PAPER_STATISTICS,
  type ProsqaStatistics,
  prosqaStatistics,
} from './datasets/prosqa-statistics.ts';

type Column = { title: string; values: Partial<ProsqaStatistics>; digits: number };

function printStatistics(file: string | undefined, options: { items: number; seed: number }): void {
  const published = file === undefined ? [] : readProsqa(file, 'throw').items;
  const excluded = new Set(
    published.map(({ example }) => factsKey(splitQuestion(example.question).facts)),
  );
  const generator = new ProsqaGenerator(new Random(options.seed), { ...PROSQA_SIZES, excluded });
  const generated = Array.from({ length: options.items }, () => generator.next());
  const columns = [{ title: 'paper', values: PAPER_STATISTICS, digits: 1 }];
  if (file !== undefined) columns.push(measured('published', published));
  columns.push(measured('generated', generated));
  process.stdout.write(`${markdownTable(columns)}\n`);
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

function measured(origin: string, items: ProsqaItem[]): Column {
  return { title: `${origin}, n = ${items.length}`, values: prosqaStatistics(items), digits: 2 };
}

function markdownTable(columns: Column[]): string {
  const rows = [
    ['mean per item', ...columns.map(({ title }) => title)],
    ['---', ...columns.map(() => '---:')],
    ...measureNames.map((name) => [
      name,
      ...columns.map(({ values, digits }) => values[name]?.toFixed(digits) ?? ''),
    ]),
  ];
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function integerFrom(lowest: number) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= lowest) return value;
    throw new InvalidArgumentError(`must be an integer of at least ${lowest}, got "${text}"`);
  };
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
  .description('statistics of ProsQA items: the paper, a published file, our generator')
  .argument('[file]', 'JSON in the published format, for example test/data/prosqa-sample.json')
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
