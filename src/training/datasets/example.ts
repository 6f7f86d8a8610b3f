// What every data set is read into, whatever its own format.

export type Example = {
  question: string;
  /** One chain of reasoning, a line per reasoning step; empty when the data has none. */
  steps: string[];
  answer: string;
};

/** Examples that share one long context, encoded once for all of them (same text before `question`). */
export type ExampleGroup = {
  /** Text that every question of the group starts with; '' when nothing is shared. */
  context: string;
  /** `question` here is the rest: context + question is what a user would send. */
  examples: Example[];
};

/** A malformed line or item, reported with where it stands and why. */
export class DatasetError extends Error {
  override name = 'DatasetError';
  constructor(file: string, where: string, reason: string) {
    super(`${file}: ${where}: ${reason}`);
  }
}
