// CLI of the data sets:
//   npm run data -- stats [file] [--items N] [--seed S]   ProsQA in numbers: paper, file and generator side by side
import { Command, InvalidArgumentError } from 'commander';
import { Random } from '../random.ts';
import { DatasetError } from './datasets/example.ts';
import { factsKey, type ProsqaItem, readProsqa, splitQuestion } from './datasets/prosqa.ts';
import { PROSQA_SIZES, ProsqaGenerator } from './datasets/prosqa-generator.ts';
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

const program = new Command('data').description('Look at the data sets.');
program
  .command('stats')
  .description('statistics of ProsQA items: the paper, a published file, our generator')
  .argument('[file]', 'JSON in the published format, for example test/data/prosqa-sample.json')
  .option('--items <count>', 'items to generate', integerFrom(1), 2000)
  .option('--seed <seed>', 'seed of the generator', integerFrom(0), 1)
  .action(printStatistics);
try {
  program.parse();
} catch (error) {
  if (!(error instanceof DatasetError)) throw error;
  program.error(error.message); // the file is at fault, so a stack trace would only hide what is wrong
}
