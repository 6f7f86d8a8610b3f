// Thread entry of the engine: receive → step → post, until drained. Messages are taken between
// steps only, and the thread ends by itself: to kill it during a run would abort the process.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { readCheckpoint } from '../model/checkpoint.ts';
import { dimensionsOf } from '../model/model-config.ts';
import type { GrammarVocabulary } from './grammar-messages.ts';
import { grammarVocabulary } from './grammar-thread.ts';
import { GrammarThreads } from './grammar-threads.ts';
import { type LoadedModel, loadModel } from './load-model.ts';
import type { EngineOptions, FromWorker, ToWorker } from './messages.ts';
import { checkRequest } from './request-check.ts';
import { Sequence } from './sequence.ts';
import { StepLoop } from './step-loop.ts';

type Loaded = LoadedModel & {
  loop: StepLoop;
  grammars: GrammarThreads;
  /** Who waits for a format, by the id of the compilation. */
  waiting: Map<number, AbortController>;
};

const now = () => performance.now();

async function load(options: EngineOptions): Promise<Loaded> {
  const model = await loadModel(options);
  const loop = new StepLoop(model.runner, options, now);
  return {
    ...model,
    loop,
    grammars: new GrammarThreads(() => vocabularyOf(options.checkpointDir)),
    waiting: new Map(),
  };
}

/** Read when the first grammar comes: most servers never need the tokens' texts here. */
function vocabularyOf(checkpointDir: string): GrammarVocabulary {
  const { config, tokenizer, eosIds } = readCheckpoint(checkpointDir);
  return grammarVocabulary(tokenizer, { size: dimensionsOf(config).vocab, eosIds });
}

/** Messages that came since they were last taken. */
class Inbox {
  #messages: ToWorker[] = [];
  #wake = () => {};

  push(message: ToWorker): void {
    this.#messages.push(message);
    this.#wake();
  }

  takeAll(): ToWorker[] {
    return this.#messages.splice(0);
  }

  /** Resolves when there is something to take. */
  async wait(): Promise<void> {
    if (this.#messages.length > 0) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

async function serve(loaded: Loaded, inbox: Inbox, post: Post): Promise<void> {
  const { loop } = loaded;
  for (let isDraining = false; !(isDraining && loop.isIdle); ) {
    if (loop.isIdle) await inbox.wait();
    for (const message of inbox.takeAll()) {
      if (message.kind === 'submit') submit(message, loaded, post);
      else if (message.kind === 'compile') void compile(message, loaded, post);
      else if (message.kind === 'leave') loaded.waiting.get(message.id)?.abort();
      else if (message.kind === 'abort') loop.abort(message.id, message.isCancelled);
      else isDraining = true;
    }
    const outcome = await loop.step();
    if (!outcome) continue;
    const { failures, events, report } = outcome;
    for (const failure of failures) post({ kind: 'request-failed', ...failure });
    post({ kind: 'step', events, report });
    // A turn of the event loop: messages that came during the run arrive before the next one.
    await new Promise(setImmediate);
  }
}

type Post = (message: FromWorker) => void;
type Submit = Extract<ToWorker, { kind: 'submit' }>;
type Compile = Extract<ToWorker, { kind: 'compile' }>;

async function compile(message: Compile, loaded: Loaded, post: Post): Promise<void> {
  const { grammars, waiting } = loaded;
  const { id, grammar, caller } = message;
  const controller = new AbortController();
  waiting.set(id, controller);
  const problem = await grammars.compile(grammar, caller, controller.signal);
  waiting.delete(id);
  post({ kind: 'compiled', id, problem });
}

function submit(message: Submit, loaded: Loaded, post: Post): void {
  const { loop, limits, refinement, grammars } = loaded;
  const { id: firstId, choices, request } = message;
  const ids = Array.from({ length: choices }, (_, choice) => firstId + choice);
  try {
    checkRequest(request, limits);
    const nowMs = now();
    const { grammar } = request;
    for (const id of ids) {
      const cursor = grammar === undefined ? null : grammars.open(grammar);
      loop.submit(new Sequence(id, request, nowMs, firstId, refinement, cursor));
    }
  } catch (error) {
    for (const id of ids) post({ kind: 'request-failed', id, message: (error as Error).message });
  }
}

async function main(): Promise<void> {
  if (isMainThread || !parentPort) throw new Error('worker.ts is started by startEngine only');
  const port = parentPort;
  const post: Post = (message) => port.postMessage(message);
  const inbox = new Inbox();
  port.on('message', (message: ToWorker) => inbox.push(message));
  const startMs = now();
  const options = workerData as EngineOptions;
  try {
    const loaded = await load(options);
    const { limits, endings, adapter } = loaded;
    const { slotCapacity } = limits;
    const loadMs = now() - startMs;
    post({ kind: 'ready', slots: options.slots, slotCapacity, loadMs, endings, adapter });
    await serve(loaded, inbox, post);
    await loaded.grammars.stop();
    await loaded.release();
    post({ kind: 'drained' });
  } catch (error) {
    post({ kind: 'failed', message: String((error as Error).stack ?? error) });
  }
  port.close();
}

await main();
