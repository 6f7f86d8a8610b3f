// What every program under comparison can do, and what one child process is told and answers.

/** Told of each token, or thought, as it comes: the row of its prompt, and a token's id. */
export type OnOutput = (row: number, id: number) => void;

export interface Peer {
  /** Continues each prompt greedily by `count` tokens, whatever they are, all rows in one batch. */
  generate(prompts: readonly number[][], count: number, onOutput: OnOutput): Promise<void>;
  /** The same with continuous thoughts in the place of tokens; only ours has them. */
  think?(prompts: readonly number[][], count: number, onOutput: OnOutput): Promise<void>;
}

export const programs = ['coconut-serve', 'transformers.js', 'node-llama-cpp'] as const;
export type Program = (typeof programs)[number];

/** One program on one width of weights. */
export type Side = {
  program: Program;
  width: 'fp32' | 'f16' | 'int8' | 'Q8_0';
  /** A checkpoint directory, a transformers.js directory, a GGUF file. */
  model: string;
  threads: number;
};

export const sideName = ({ program, width }: Side): string => `${program} ${width}`;

export type Job = {
  output: 'tokens' | 'thoughts';
  prompts: readonly number[][];
  /** Outputs per row. */
  count: number;
};

/** Per row and output: when it came, in milliseconds from the start of the job. */
export type Timing = {
  ms: number[][];
  /** Processor milliseconds that the process had used by then, on all its threads. */
  processorMs: number[][];
  ids: number[][];
};

export type FromPeer =
  | { kind: 'ready' }
  | { kind: 'timing'; timing: Timing }
  | { kind: 'failed'; message: string };
