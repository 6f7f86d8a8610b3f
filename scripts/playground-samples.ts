// playground/samples.json: questions of the data sets that the checkpoints here are measured on, with their answers.
//   npx tsx scripts/playground-samples.ts
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type DataKind, formats } from '../src/training/datasets/formats.ts';

const root = join(import.meta.dirname, '..');
export const samplesPath = join(root, 'playground', 'samples.json');

const sources: [file: string, kind: DataKind][] = [
  ['data/prosqa_valid.json', 'prosqa'],
  ['data/prontoqa_valid.json', 'prontoqa'],
  ['data/gsm8k_valid.txt', 'gsm8k'],
  ['data/multiplication_4x4_valid.txt', 'multiplication'],
];

/** Of each file, evenly spaced. */
const SAMPLES = 20;

/** By the name that a checkpoint's eval.json has for the data set. */
export function drawSamples(): Record<string, { question: string; answer: string }[]> {
  return Object.fromEntries(
    sources.map(([file, kind]) => {
      const { items } = formats[kind].read(join(root, file), 'throw');
      const drawn = Array.from(
        { length: SAMPLES },
        (_, i) => items[Math.floor((i * items.length) / SAMPLES)]!,
      );
      return [basename(file), drawn.map(({ question, answer }) => ({ question, answer }))];
    }),
  );
}

export const toText = (samples: ReturnType<typeof drawSamples>): string =>
  `${JSON.stringify(samples, null, 2)}\n`;

if (import.meta.filename === process.argv[1]) writeFileSync(samplesPath, toText(drawSamples()));
