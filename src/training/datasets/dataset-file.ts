// Reading data files record by record: what does not fit is reported with file, place and reason, and the
// rest is kept only where the caller says so.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { DatasetError } from './example.ts';

/** What to do at a malformed record: throw its DatasetError, or leave it out and list the error. */
export type Malformed = 'throw' | 'skip';

export type Records<T> = { items: T[]; skipped: DatasetError[] };

/** Records of a JSON list. */
export function readJsonItems<T>(
  file: string,
  malformed: Malformed,
  parse: (raw: unknown) => T,
): Records<T> {
  const list = wholeFile(file, 'a JSON list', (text) =>
    z.array(z.unknown()).parse(JSON.parse(text)),
  );
  const records = list.map((raw, index) => ({ where: `item ${index}`, raw }));
  return readEach(file, malformed, records, parse);
}

/** Records of a text file, one a line, counted from 1; blank lines are none. */
export function readTextLines<T>(
  file: string,
  malformed: Malformed,
  parse: (line: string) => T,
): Records<T> {
  const lines = wholeFile(file, 'text', (text) => text.split(/\r?\n/));
  const records = lines
    .map((raw, index) => ({ where: `line ${index + 1}`, raw }))
    .filter(({ raw }) => raw.trim() !== '');
  return readEach(file, malformed, records, parse);
}

/** The message of whatever was thrown; zod's issues as readable lines. */
export function reasonOf(cause: unknown): string {
  return cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
}

function readEach<R, T>(
  file: string,
  malformed: Malformed,
  records: readonly { where: string; raw: R }[],
  parse: (raw: R) => T,
): Records<T> {
  const items: T[] = [];
  const skipped: DatasetError[] = [];
  for (const { where, raw } of records) {
    try {
      items.push(parse(raw));
    } catch (cause) {
      const error = new DatasetError(file, where, reasonOf(cause));
      if (malformed === 'throw') throw error;
      skipped.push(error);
    }
  }
  return { items, skipped };
}

function wholeFile<T>(file: string, form: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new DatasetError(file, 'whole file', `cannot be read as ${form}: ${reasonOf(cause)}`);
  }
}
