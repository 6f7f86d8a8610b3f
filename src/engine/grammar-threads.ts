// Several grammar threads, so that a format that is slow to compile keeps no answer in another format
// waiting: a new grammar goes where the fewest answers are being written, and stays there, because
// compiled grammars cannot leave their thread. Formats wait here, not in a thread, until one is free.
import { createHash } from 'node:crypto';
import { type Format, FormatQueue } from './format-queue.ts';
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

/** A thread is free again when its answers end, or when it has served them long enough. */
const lookAgainMs = 50;

type Refusal = { problem: string; untilMs: number };

export class GrammarThreads {
  readonly #vocabulary: () => GrammarVocabulary;
  readonly #limits: GrammarLimits;
  readonly #threads: GrammarThread[] = [];
  /** By the grammar's hash, as the refusals are; the least recently used first. */
  readonly #homes = new Map<string, GrammarThread>();
  readonly #refusals = new Map<string, Refusal>();

  readonly #queue: FormatQueue;
  #lookAgain: NodeJS.Timeout | undefined;

  constructor(vocabulary: () => GrammarVocabulary, limits: Partial<GrammarLimits> = {}) {
    this.#vocabulary = vocabulary;
    this.#limits = { ...defaultLimits, ...limits };
    // One caller's formats leave a thread to the others'.
    this.#queue = new FormatQueue(Math.max(1, this.#limits.threads - 1));
  }

  get size(): number {
    return this.#threads.length;
  }

  /** Whether answers can be held to it: null, or what is wrong with it. Null, too, once the signal is aborted. */
  async compile(grammar: string, caller: string, signal: AbortSignal): Promise<string | null> {
    const key = keyOf(grammar);
    const refusal = this.#refusals.get(key);
    if (refusal && performance.now() < refusal.untilMs) return refusal.problem;
    const home = this.#homes.get(key);
    // It is compiled there, most likely: that takes no thread's time.
    if (home) return this.#compileIn(home, { key, grammar });
    const answer = this.#queue.join(key, grammar, caller, signal);
    this.#compileNext();
    return answer;
  }

  /** @param grammar one that compiles */
  open(grammar: string): GrammarCursor {
    const key = keyOf(grammar);
    const thread = this.#homes.get(key) ?? this.#leastUsed(this.#threads)!;
    keepLatest(this.#homes, key, thread, maxHomes);
    return thread.open(grammar);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#lookAgain);
    await Promise.all(this.#threads.map((thread) => thread.stop()));
  }

  #compileNext(): void {
    clearTimeout(this.#lookAgain);
    for (let turn = this.#queue.next(); turn; turn = this.#queue.next()) {
      const thread = this.#freeThread();
      if (!thread) break;
      this.#queue.begin(turn);
      void this.#compileFor(turn.format, thread);
    }
    if (!this.#queue.isWaiting) return;
    this.#lookAgain = setTimeout(() => this.#compileNext(), lookAgainMs).unref();
  }

  async #compileFor(format: Format, thread: GrammarThread): Promise<void> {
    const problem = await this.#compileIn(thread, format);
    this.#queue.finish(format, problem);
    this.#compileNext();
  }

  async #compileIn(
    thread: GrammarThread,
    { key, grammar }: Pick<Format, 'key' | 'grammar'>,
  ): Promise<string | null> {
    const problem = await thread.compile(grammar);
    if (problem === null) {
      keepLatest(this.#homes, key, thread, maxHomes);
      return null;
    }
    this.#homes.delete(key);
    const untilMs = performance.now() + this.#limits.refusalMs;
    keepLatest(this.#refusals, key, { problem, untilMs }, maxRefusals);
    return problem;
  }

  /** null where each is at a format, or owes its answers time for the last one. */
  #freeThread(): GrammarThread | null {
    return this.#leastUsed(this.#threads.filter((thread) => thread.mayCompile));
  }

  /** Answers count before questions: they have begun, and would be seen to stop. */
  #leastUsed(threads: readonly GrammarThread[]): GrammarThread | null {
    const [first] = threads.toSorted((a, b) => a.places - b.places || a.questions - b.questions);
    const isIdle = first !== undefined && first.places + first.questions === 0;
    if (isIdle || this.#threads.length === this.#limits.threads) return first ?? null;
    return this.#start();
  }

  #start(): GrammarThread {
    const thread = new GrammarThread(this.#vocabulary, this.#limits.timeoutMs);
    this.#threads.push(thread);
    return thread;
  }
}

const keyOf = (grammar: string) => createHash('sha256').update(grammar).digest('base64');
