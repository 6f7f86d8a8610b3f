// THE table of data sets: how a file of each is read, and how an answer is judged.
import { isCorrect } from './answer.ts';
import type { Malformed, Records } from './dataset-file.ts';
import type { Example } from './example.ts';
import { isCorrectNumber, readGsm8k } from './gsm8k.ts';
import { readMultiplication } from './multiplication.ts';
import { readProntoqa } from './prontoqa.ts';
import { readProsqa } from './prosqa.ts';
import { readSuperposition } from './superposition.ts';

export type Format = {
  /** @throws DatasetError at a malformed record, unless it is to be skipped */
  read: (file: string, malformed: Malformed) => Records<Example>;
  isCorrect: (example: Example, generatedText: string) => boolean;
};

export const dataKinds = [
  'prosqa',
  'prontoqa',
  'gsm8k',
  'multiplication',
  'superposition',
] as const;

export type DataKind = (typeof dataKinds)[number];

export const formats: Readonly<Record<DataKind, Format>> = {
  prosqa: {
    read: (file, malformed) => {
      const { items, skipped } = readProsqa(file, malformed);
      return { items: items.map(({ example }) => example), skipped };
    },
    isCorrect,
  },
  prontoqa: { read: readProntoqa, isCorrect },
  gsm8k: { read: readGsm8k, isCorrect: isCorrectNumber },
  multiplication: { read: readMultiplication, isCorrect },
  superposition: { read: readSuperposition, isCorrect },
};
