// Thread entry: grammars compiled against the vocabulary, and the places that answers have in them.
// A thread of its own, because compiling can take seconds, and only a thread can be stopped.
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { CompiledGrammar, GrammarCompiler, GrammarMatcher } from '@mlc-ai/web-xgrammar';
import type { FromGrammar, GrammarVocabulary, ToGrammar } from './grammar-messages.ts';
import { keepLatest } from './keep-latest.ts';

type Library = typeof import('@mlc-ai/web-xgrammar');

/** Compiled grammars that are kept for the next request with the same. */
const maxCompiled = 16;

/**
 * The package says that it is an ES module, and holds a CommonJS bundle for browsers: under Node it
 * looks for two names of CommonJS and leaves its exports on the global object. This thread's is its own.
 */
async function loadLibrary(): Promise<Library> {
  const require = createRequire(import.meta.url);
  const __filename = require.resolve('@mlc-ai/web-xgrammar');
  const scope: object & { xgrammar?: Library } = globalThis;
  Object.assign(scope, { require, __filename });
  await import('@mlc-ai/web-xgrammar');
  if (!scope.xgrammar) throw new Error('@mlc-ai/web-xgrammar left no exports behind');
  return scope.xgrammar;
}

/** The library prints why before it aborts. Prints may hold the caller's text, so none is logged. */
function catchPrints(): () => string | undefined {
  const lines: string[] = [];
  console.error = (line: unknown) => lines.push(String(line));
  // [FATAL] some/file.cc:12: the reason
  return () => {
    const fatal = lines.splice(0).find((line) => line.startsWith('[FATAL]'));
    return fatal?.replace(/^\[FATAL\] \S+:\d+: /, '').slice(0, 200);
  };
}

class Grammars {
  readonly #library: Library;
  readonly #compiler: GrammarCompiler;
  /** The least recently used first. */
  readonly #compiled = new Map<string, CompiledGrammar>();
  readonly #matchers = new Map<number, GrammarMatcher>();

  constructor(library: Library, compiler: GrammarCompiler) {
    this.#library = library;
    this.#compiler = compiler;
  }

  async answer(message: Exclude<ToGrammar, { kind: 'close' }>): Promise<FromGrammar> {
    if (message.kind === 'compile') {
      await this.#compile(message.grammar);
      return { kind: 'compiled' };
    }
    const { id } = message;
    if (message.kind === 'open') {
      const compiled = await this.#compile(message.grammar);
      const matcher = await this.#library.GrammarMatcher.createGrammarMatcher(compiled);
      this.#matchers.set(id, matcher);
    }
    const matcher = this.#matchers.get(id);
    if (!matcher) throw new Error(`no place ${id} in a grammar`);
    for (const tokenId of message.kind === 'open' ? message.accepted : [message.tokenId]) {
      if (!matcher.acceptToken(tokenId))
        throw new Error(`the grammar has no token ${tokenId} here`);
    }
    return { kind: 'mask', mask: await matcher.getNextTokenBitmask() };
  }

  close(id: number): void {
    this.#matchers.get(id)?.dispose();
    this.#matchers.delete(id);
  }

  async #compile(grammar: string): Promise<CompiledGrammar> {
    const compiled = this.#compiled.get(grammar) ?? (await this.#compiler.compileGrammar(grammar));
    // Matchers that are still in the one that goes hold a share of their own.
    keepLatest(this.#compiled, grammar, compiled, maxCompiled)?.dispose();
    return compiled;
  }
}

async function main(): Promise<void> {
  const port = parentPort;
  if (!port) throw new Error('grammar-worker.ts is started by GrammarThread only');
  const { spellings, size, eosIds } = workerData as GrammarVocabulary;
  const takeReason = catchPrints();
  const library = await loadLibrary();
  const { TokenizerInfo, GrammarCompiler } = library;
  const vocabulary = [...spellings];
  const ends = [...eosIds];
  const info = await TokenizerInfo.createTokenizerInfo(vocabulary, 'byte_level', false, size, ends);
  // Its own cache would have no bound.
  const compiler = await GrammarCompiler.createGrammarCompiler(info, false);
  const grammars = new Grammars(library, compiler);
  let turn = Promise.resolve();
  const answer = async (message: ToGrammar) => {
    if (message.kind === 'close') return grammars.close(message.id);
    try {
      port.postMessage(await grammars.answer(message));
    } catch (error) {
      const reason = takeReason() ?? (error as Error).message;
      port.postMessage({ kind: 'problem', message: reason } satisfies FromGrammar);
    }
  };
  // One after the other: the library's calls are asynchronous in name, and replies keep the order.
  port.on('message', (message: ToGrammar) => {
    turn = turn.then(() => answer(message));
  });
  port.postMessage({ kind: 'ready' } satisfies FromGrammar);
}

await main();
