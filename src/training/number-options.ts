// Numbers on a command line: whole, and at least so large, or named in the error.
import { InvalidArgumentError } from 'commander';

/** A parser for commander. @throws InvalidArgumentError for anything else, NaN and '' included */
export function integerFrom(lowest: number) {
  return (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (Number.isSafeInteger(value) && value >= lowest) return value;
    throw new InvalidArgumentError(`must be an integer of at least ${lowest}, got "${text}"`);
  };
}

/** The same for several, with commas between them. */
export function integersFrom(lowest: number) {
  return (text: string): number[] => text.split(',').map(integerFrom(lowest));
}
