// The engine's handle on one grammar thread: started on first use, stopped and started again when one
// grammar takes too long, so that this one fails alone. grammar-threads.ts says which grammar goes where.
import type { Worker } from 'node:worker_threads';
import { byteAlphabet, type Tokenizer } from '../model/tokenizer.ts';
import { startWorker } from '../start-worker.ts';
import type { FromGrammar, GrammarVocabulary, ToGrammar } from './grammar-messages.ts';

/** One answer's place in its grammar. */
export interface GrammarCursor {
  /** False while the next mask is being computed. */
  readonly isSettled: boolean;
  /** Resolves once it is settled; never rejects. */
  settled(): Promise<void>;
  /** Bit i % 32 of word i / 32: whether token i may come next. Throws where that cannot be known. */
  mask(): Int32Array;
  /** The token that came; the mask of the one after it is computed meanwhile. */
  accept(tokenId: number): void;
  close(): void;
}

type Expected = { message: ToGrammar; settle: (reply: FromGrammar) => void };

/** What the grammar thread must know of a checkpoint's tokens. */
export function grammarVocabulary(
  tokenizer: Pick<Tokenizer, 'vocabSize' | 'bytesOf' | 'isSpecial'>,
  { size, eosIds }: Pick<GrammarVocabulary, 'size' | 'eosIds'>,
): GrammarVocabulary {
  const alphabet = byteAlphabet();
  const spell = (id: number) =>
    tokenizer.isSpecial(id)
      ? ''
      : Array.from(tokenizer.bytesOf(id), (byte) => alphabet[byte]).join('');
  return {
    spellings: Array.from({ length: tokenizer.vocabSize }, (_, id) => spell(id)),
    size,
    eosIds,
  };
}

export class GrammarThread {
  readonly #vocabulary: () => GrammarVocabulary;
  readonly #timeoutMs: number;
  #worker: Worker | null = null;
  /** Replies to come, in order: the thread is at the first of them. */
  #expected: Expected[] = [];
  #watch: NodeJS.Timeout | undefined;
  /** Its start-up is not held against the first grammar. */
  #isReady = false;
  readonly #cursors = new Set<Cursor>();
  /** On performance.now()'s clock: until then its answers have it for themselves. */
  #restsUntilMs = 0;
  #lastId = 0;

  /** @param timeoutMs for one message: compiling a grammar, or the mask of one token */
  constructor(vocabulary: () => GrammarVocabulary, timeoutMs: number) {
    this.#vocabulary = vocabulary;
    this.#timeoutMs = timeoutMs;
  }

  /** Answers that are being written in its grammars. */
  get places(): number {
    return this.#cursors.size;
  }

  /** What it has still to answer. */
  get questions(): number {
    return this.#expected.length;
  }

  /**
   * Whether a new format may be compiled beside its answers: not while one is, and then not for as long as
   * that one took. Slow formats in a row would else leave them a token each.
   */
  get mayCompile(): boolean {
    if (this.#expected.some(({ message }) => message.kind === 'compile')) return false;
    return this.places === 0 || performance.now() >= this.#restsUntilMs;
  }

  /** Whether answers can be held to it: null, or what is wrong with it. */
  async compile(grammar: string): Promise<string | null> {
    const startMs = performance.now();
    const reply = await new Promise<FromGrammar>((settle) => {
      this.#ask({ kind: 'compile', grammar }, settle);
    });
    const endMs = performance.now();
    this.#restsUntilMs = endMs + (endMs - startMs);
    return reply.kind === 'problem' ? reply.message : null;
  }

  /** @param grammar one that compiles */
  open(grammar: string): GrammarCursor {
    this.#lastId += 1;
    const cursor = new Cursor(this.#lastId, grammar, {
      ask: (message, settle) => this.#ask(message, settle),
      close: () => {
        this.#cursors.delete(cursor);
        this.#worker?.postMessage({ kind: 'close', id: cursor.id } satisfies ToGrammar);
      },
    });
    this.#cursors.add(cursor);
    cursor.open();
    return cursor;
  }

  async stop(): Promise<void> {
    clearTimeout(this.#watch);
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #ask(message: ToGrammar, settle: Expected['settle']): void {
    this.#worker ??= this.#start();
    this.#expected.push({ message, settle });
    this.#worker.postMessage(message);
    if (this.#expected.length === 1) this.#watchFirst();
  }

  #start(): Worker {
    const worker = startWorker('engine/grammar-worker', this.#vocabulary());
    this.#isReady = false;
    // The engine's thread ends without asking this one, and takes it along.
    worker.unref();
    worker.on('message', (reply: FromGrammar) => {
      if (reply.kind === 'ready') this.#isReady = true;
      const first = reply.kind === 'ready' ? undefined : this.#expected.shift();
      this.#watchFirst();
      first?.settle(reply);
    });
    const onEnd = (reason: string) => {
      if (worker === this.#worker) this.#startAgain(reason);
    };
    worker.on('error', (error: Error) => onEnd(`the grammar thread failed: ${error.message}`));
    worker.on('exit', (code) => onEnd(`the grammar thread ended with code ${code}`));
    return worker;
  }

  #watchFirst(): void {
    clearTimeout(this.#watch);
    if (!this.#isReady || this.#expected.length === 0) return;
    this.#watch = setTimeout(() => {
      this.#startAgain(`it takes longer than ${this.#timeoutMs} ms`);
    }, this.#timeoutMs).unref();
  }

  /** What the thread was at has failed; all else is asked again of a new one, answers before formats. */
  #startAgain(reason: string): void {
    const [first, ...rest] = this.#expected;
    clearTimeout(this.#watch);
    void this.#worker?.terminate();
    this.#worker = null;
    this.#expected = [];
    first?.settle({ kind: 'problem', message: reason });
    for (const cursor of this.#cursors) cursor.open();
    for (const { message, settle } of rest)
      if (message.kind === 'compile') this.#ask(message, settle);
  }
}

type Link = { ask: (message: ToGrammar, settle: Expected['settle']) => void; close: () => void };

class Cursor implements GrammarCursor {
  readonly id: number;
  readonly #grammar: string;
  readonly #link: Link;
  readonly #accepted: number[] = [];
  #reply: FromGrammar | null = null;
  /** Rises with every question, so that a late answer is known for one. */
  #asked = 0;
  #waiting: (() => void)[] = [];

  constructor(id: number, grammar: string, link: Link) {
    this.id = id;
    this.#grammar = grammar;
    this.#link = link;
  }

  /** In a new thread: goes on from what was accepted. One that has failed stays so. */
  open(): void {
    if (this.#reply?.kind === 'problem') return;
    const accepted = [...this.#accepted];
    this.#ask({ kind: 'open', id: this.id, grammar: this.#grammar, accepted });
  }

  get isSettled(): boolean {
    return this.#reply !== null;
  }

  async settled(): Promise<void> {
    if (this.isSettled) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  mask(): Int32Array {
    const reply = this.#reply;
    if (reply?.kind === 'mask') return reply.mask;
    throw new Error(reply?.kind === 'problem' ? `grammar: ${reply.message}` : 'no mask yet');
  }

  accept(tokenId: number): void {
    this.#accepted.push(tokenId);
    this.#ask({ kind: 'accept', id: this.id, tokenId });
  }

  close(): void {
    this.#link.close();
  }

  #ask(message: ToGrammar): void {
    this.#reply = null;
    this.#asked += 1;
    const asked = this.#asked;
    this.#link.ask(message, (reply) => {
      if (asked !== this.#asked) return;
      this.#reply = reply;
      for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }
}
