// Several grammar threads, so that a format that is slow to compile keeps no answer in another format
// waiting: a new grammar goes where the fewest answers are being written, and stays there, because
// compiled grammars cannot leave their thread.
import { createHash } from 'node:crypto';
import type { GrammarVocabulary } from './grammar-messages.ts';
import { type GrammarCursor, GrammarThread } from './grammar-thread.ts';
import { keepLatest } from './keep-latest.ts';

export type GrammarLimits = {
  /** Each holds a copy of the library and of the vocabulary. */
  threads: number;
  /** For compiling one grammar, or for the mask of one token. */
  timeoutMs: number;
  /** How long a refusal is told again before the grammar is tried again: the machine may have been busy. */
  refusalMs: number;
};

const defaultLimits: GrammarLimits = { threads: 3, timeoutMs: 5000, refusalMs: 60_000 };

/** Grammars whose thread is remembered, and refusals that are. */
const maxHomes = 16;
const maxRefusals = 256;

type Refusal = { problem: string; untilMs: number };

export class GrammarThreads {
  readonly #vocabulary: () => GrammarVocabulary;
  readonly #limits: GrammarLimits;
  readonly #threads: GrammarThread[] = [];
  /** By the grammar's hash, as the refusals are; the least recently used first. */
  readonly #homes = new Map<string, GrammarThread>();
  readonly #refusals = new Map<string, Refusal>();

  constructor(vocabulary: () => GrammarVocabulary, limits: Partial<GrammarLimits> = {}) {
    this.#vocabulary = vocabulary;
    this.#limits = { ...defaultLimits, ...limits };
  }

  get size(): number {
    return this.#threads.length;
  }

  /** Whether answers can be held to it: null, or what is wrong with it. */
  async compile(grammar: string): Promise<string | null> {
    const key = keyOf(grammar);
    const refusal = this.#refusals.get(key);
    if (refusal && performance.now() < refusal.untilMs) return refusal.problem;
    const problem = await this.#homeOf(key).compile(grammar);
    if (problem === null) return null;
    this.#homes.delete(key);
    const untilMs = performance.now() + this.#limits.refusalMs;
    keepLatest(this.#refusals, key, { problem, untilMs }, maxRefusals);
    return problem;
  }

  /** @param grammar one that compiles */
  open(grammar: string): GrammarCursor {
    return this.#homeOf(keyOf(grammar)).open(grammar);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()));
  }

  #homeOf(key: string): GrammarThread {
    const thread = this.#homes.get(key) ?? this.#leastUsed();
    keepLatest(this.#homes, key, thread, maxHomes);
    return thread;
  }

  /** Answers count before questions: they have begun, and would be seen to stop. */
  #leastUsed(): GrammarThread {
    const [first] = this.#threads.toSorted(
      (a, b) => a.places - b.places || a.questions - b.questions,
    );
    const isFree = first !== undefined && first.places + first.questions === 0;
    if (first && (isFree || this.#threads.length === this.#limits.threads)) return first;
    const thread = new GrammarThread(this.#vocabulary, this.#limits.timeoutMs);
    this.#threads.push(thread);
    return thread;
  }
}

const keyOf = (grammar: string) => createHash('sha256').update(grammar).digest('base64');
