// One choice of a request in the engine: what it feeds next, what it has produced, when it ends. A pure state
// machine; tensors, slots and the clock are others' business.
import { AnswerText } from './answer-text.ts';
import type { GrammarCursor } from './grammar-thread.ts';
import { LatentGate } from './latent-gate.ts';
import { checkLogits } from './logits-processors.ts';
import type {
  FinishReason,
  GenerationRequest,
  RequestTimings,
  ScoredToken,
  ThoughtSource,
  TokenEvent,
} from './messages.ts';
import type { WantedInput } from './prefix-cache.ts';
import { PromptScores } from './prompt-scores.ts';
import type { RowOutput, ThoughtOutput } from './row-output.ts';
import { clockOf, type SequenceState } from './sequence-state.ts';
import {
  type Input,
  leadIn,
  promptThoughts,
  type Refinement,
  wrappedSeed,
} from './thought-inputs.ts';
import { checkThought, ThoughtRecord } from './thought-record.ts';

export class Sequence {
  readonly id: number;
  /** Id of the first choice of its request; its own where it is the only one. */
  readonly firstId: number;
  readonly request: GenerationRequest;
  /** Where the answer has to keep to a grammar. */
  readonly grammar: GrammarCursor | null;
  #state: SequenceState = { phase: 'waiting' };
  /** The inputs that are known beforehand. */
  #prefix: readonly Input[];
  /** Inputs that are in the KV cache, in order. */
  readonly #fed: Input[] = [];
  #cachedTokens = 0;
  readonly #scores: PromptScores;
  readonly #text: AnswerText;
  readonly #gate: LatentGate;
  /** The model's own thoughts still to be computed before the next text. */
  #ownThoughts: number;
  readonly #thoughts: ThoughtRecord;
  readonly #timings: RequestTimings = { queueMs: 0, prefillMs: 0, latentMs: 0, decodeMs: 0 };
  readonly #submittedMs: number;
  #clockMs: number;

  /** Where the checkpoint refines its thoughts together. */
  readonly #refinement: Refinement | undefined;

  /** @param request has passed checkRequest */
  constructor(
    id: number,
    request: GenerationRequest,
    nowMs: number,
    firstId = id,
    refinement?: Refinement,
    grammar: GrammarCursor | null = null,
  ) {
    this.#refinement = refinement;
    this.id = id;
    this.grammar = grammar;
    this.firstId = firstId;
    this.request = request;
    const thoughts = promptThoughts(request);
    this.#prefix = leadIn(request.promptIds, thoughts, request.suffixIds);
    this.#ownThoughts = ownCount(thoughts);
    this.#scores = new PromptScores(request);
    this.#text = new AnswerText(request, grammar, wrappedSeed(request.sampling.seed, id - firstId));
    this.#gate = new LatentGate(request);
    this.#thoughts = new ThoughtRecord(request);
    this.#submittedMs = nowMs;
    this.#clockMs = nowMs;
  }

  get state(): SequenceState {
    return this.#state;
  }

  /** Inputs that can be fed at once. The suffix rides along with the last thought. */
  get ready(): number {
    const state = this.#state;
    if (state.phase === 'prefilling') return this.#prefix.length - state.computed;
    if (state.phase === 'answering') return 1;
    if (state.phase === 'opening') return state.inputs.length;
    if (state.phase === 'refining')
      return state.columns.length + (state.sweepsLeft === 0 ? this.#suffixIds.length : 0);
    if (state.phase !== 'thinking') return 0;
    return state.thoughtsLeft === 1 ? 1 + this.#suffixIds.length : 1;
  }

  /** What is forced behind the last thought. */
  get #suffixIds(): readonly number[] {
    const { latentEntry, suffixIds } = this.request;
    return latentEntry ? [latentEntry.eotId] : suffixIds;
  }

  /** The next `count` of the `ready` inputs. */
  inputs(count: number): readonly Input[] {
    const state = this.#state;
    switch (state.phase) {
      case 'prefilling':
        return this.#prefix.slice(state.computed, state.computed + count);
      case 'thinking':
        return [state.hidden, ...this.#suffixIds].slice(0, count);
      case 'refining':
        return [...state.columns, ...this.#suffixIds].slice(0, count);
      case 'opening':
        return state.inputs.slice(0, count);
      case 'answering':
        return [state.lastToken];
      default:
        throw new Error(`sequence ${this.id} is ${state.phase} and has no inputs`);
    }
  }

  /** What is needed at the last of the next `count` inputs; a thought needs no lm_head. */
  wants(count: number): RowOutput['kind'] {
    const state = this.#state;
    if (state.phase === 'prefilling' && count < this.ready) return 'nothing';
    if (state.phase === 'refining' && state.sweepsLeft > 0) return 'swept';
    if (this.#ownThoughts === 0) return 'logits';
    return this.request.traceWords === undefined ? 'hidden' : 'traced';
  }

  /** How many of the next `count` inputs, the first of them, need logits that score the prompt. */
  scored(count: number): number {
    const state = this.#state;
    return state.phase === 'prefilling' ? this.#scores.countAmong(state.computed, count) : 0;
  }

  /** Whom it shares with: nobody, where thoughts are put in place of the model's own, or positions are skipped. */
  get cacheScope(): string | undefined {
    const { thoughts, skippedPositions = 0, cacheScope } = this.request;
    // After skipped positions a token's keys are not those of a longer prompt's.
    const isShared =
      thoughts.kind === 'model' && thoughts.control === undefined && skippedPositions === 0;
    return isShared ? cacheScope : undefined;
  }

  get fed(): readonly Input[] {
    return this.#fed;
  }

  /**
   * The inputs that may be taken as others computed them: all up to the answer, or those before the first thought,
   * where each thought has to be seen as it comes, or they do not follow from what stands before them alone. None where
   * the prompt is scored: keys and values do not say what came out above them.
   */
  get wanted(): WantedInput[] {
    const { promptIds, suffixIds, traceWords, promptLogprobs } = this.request;
    if (promptLogprobs !== undefined) return [];
    const thoughts = promptThoughts(this.request);
    const { stopCosine, stopProbability } = thoughts.kind === 'model' ? thoughts : {};
    const isFollowed = (stopCosine ?? stopProbability ?? traceWords) !== undefined;
    if (thoughts.count > 0 && (isFollowed || this.#refinement)) return [...promptIds];
    return [...promptIds, ...Array<WantedInput>(thoughts.count).fill('thought'), ...suffixIds];
  }

  /**
   * Before the start: goes on from the first inputs of `wanted`, thoughts included, as others computed
   * them. The last of all is fed again where nothing else would be, since its output is needed.
   * @returns how many are taken as computed
   */
  resume(inputs: readonly Input[]): number {
    const { promptIds, suffixIds } = this.request;
    const known = inputs.filter((input) => typeof input !== 'number');
    this.#ownThoughts = promptThoughts(this.request).count - known.length;
    this.#prefix = [...promptIds, ...known, ...(this.#ownThoughts === 0 ? suffixIds : [])];
    this.#fed.push(...this.#prefix.slice(0, Math.min(inputs.length, this.#prefix.length - 1)));
    this.#cachedTokens = this.#fed.filter((input) => typeof input === 'number').length;
    return this.#fed.length;
  }

  start(nowMs: number): void {
    this.#enter({ phase: 'prefilling', computed: this.#fed.length }, nowMs);
  }

  /** Instead of start(): its place is taken, its prompt and thoughts are another's to compute. */
  follow(nowMs: number): void {
    this.#enter({ phase: 'following' }, nowMs);
  }

  /** Goes on from where the leader's last thought ended, which has just returned these logits [V]. */
  join(leader: Sequence, logits: Float32Array, nowMs: number): TokenEvent[] {
    const thoughts = this.#thoughts.adopt(leader.#thoughts);
    this.#fed.push(...leader.#fed);
    this.#cachedTokens = leader.#cachedTokens;
    this.#ownThoughts = 0;
    // It waited for the same work, so its time is spent on the same phases.
    this.#timings.prefillMs = leader.#timings.prefillMs;
    this.#timings.latentMs = leader.#timings.latentMs;
    this.#clockMs = nowMs;
    return [...leader.#scores.told(), ...thoughts, ...this.#answer(logits, nowMs)];
  }

  /**
   * Takes what the model returned for the next `count` inputs, which is what it wants(count). Throws
   * when that is not finite; the sequence can then only be dropped.
   */
  advance(count: number, output: RowOutput, nowMs: number): TokenEvent[] {
    if (output.kind === 'swept') {
      this.#refine(output.states, nowMs);
      return [];
    }
    if (output.scored) this.#scores.take(output.scored, this.scored(count));
    this.#fed.push(...this.inputs(count));
    if (output.kind === 'nothing') {
      const computed = this.#prefix.length - this.ready + count;
      this.#enter({ phase: 'prefilling', computed }, nowMs);
      return [];
    }
    const told = this.#state.phase === 'prefilling' ? this.#scores.told() : [];
    told.push(...this.#thoughts.takeGiven(this.#knownInputs()));
    return output.kind === 'logits'
      ? [...told, ...this.#answer(output.logits, nowMs)]
      : [...told, ...this.#think(output, nowMs)];
  }

  /** While choosing, once the grammar is settled. Throws when it has failed. */
  choose(nowMs: number): TokenEvent[] {
    const state = this.#state;
    if (state.phase !== 'choosing') throw new Error(`sequence ${this.id} is ${state.phase}`);
    return this.#draw(state.logits, nowMs);
  }

  /** On the clock of `nowMs`; never, where the request sets no deadline. */
  get expiresAtMs(): number {
    const { deadlineMs = Infinity, queueDeadlineMs = Infinity } = this.request;
    const isQueued = this.#state.phase === 'waiting';
    return this.#submittedMs + Math.min(deadlineMs, isQueued ? queueDeadlineMs : Infinity);
  }

  /** Ends it before its time, in whatever state it is. */
  end(reason: 'aborted' | 'expired', nowMs: number): TokenEvent {
    return this.#finish(reason, nowMs);
  }

  /** Inputs that stood before any of them was fed; thoughts among them are told of once they are. */
  #knownInputs(): readonly Input[] {
    const state = this.#state;
    if (state.phase === 'prefilling') return this.#prefix;
    if (state.phase === 'refining') return state.columns;
    return state.phase === 'opening' ? state.inputs : [];
  }

  #think(output: ThoughtOutput, nowMs: number): TokenEvent[] {
    if (this.#refinement) return this.#enterRefining(output.hidden, this.#refinement, nowMs);
    const { event, fed, ends } = this.#thoughts.take(output);
    if (ends) this.#ownThoughts = 1;
    this.#enter({ phase: 'thinking', thoughtsLeft: this.#ownThoughts, hidden: fed }, nowMs);
    this.#ownThoughts -= 1;
    return [event];
  }

  /** The state at <bot> is the first thought for good; the others begin as the slot token. */
  #enterRefining(first: Float32Array, { iterations, slotId }: Refinement, nowMs: number): [] {
    checkThought(first, 0);
    const count = this.#ownThoughts;
    const columns = [first, ...Array<Input>(count - 1).fill(slotId)];
    this.#ownThoughts = 0;
    const sweepsLeft = Math.min(iterations, count) - 1;
    this.#enter({ phase: 'refining', sweepsLeft, columns }, nowMs);
    return [];
  }

  /** Each column becomes the state at the one before it. */
  #refine(states: readonly Float32Array[], nowMs: number): void {
    const state = this.#state as Extract<SequenceState, { phase: 'refining' }>;
    const bad = states.findIndex((thought) => !thought.every(Number.isFinite));
    if (bad !== -1) throw new Error(`thought ${bad + 1} is not finite in a sweep`);
    const columns = [state.columns[0]!, ...states.slice(0, -1)];
    this.#enter({ phase: 'refining', sweepsLeft: state.sweepsLeft - 1, columns }, nowMs);
  }

  #answer(logits: Float32Array, nowMs: number): TokenEvent[] {
    checkLogits(logits);
    // Its thoughts took all that it may have: there is no text to draw.
    if (this.#text.isFull) return [this.#finish('length', nowMs)];
    if (this.grammar?.isSettled ?? true) return this.#draw(logits, nowMs);
    this.#enter({ phase: 'choosing', logits }, nowMs);
    return [];
  }

  #draw(logits: Float32Array, nowMs: number): TokenEvent[] {
    const [text, gate] = [this.#text, this.#gate];
    const tokenId = text.draw(logits, gate.barred);
    // Entered even where it ends at once: the time before it belongs to what it was doing.
    this.#enter({ phase: 'answering', lastToken: tokenId }, nowMs);
    if (gate.isMarker(tokenId)) return this.#open([], nowMs);
    if (this.request.stopIds.includes(tokenId)) {
      return [this.#finish('stop', nowMs, text.scored(tokenId, logits))];
    }
    const event = text.push(tokenId, logits);
    if (text.isFull) return [event, this.#finish('length', nowMs)];
    this.grammar?.accept(tokenId);
    if (gate.isDueAfter(tokenId)) this.#open([tokenId], nowMs);
    return [event];
  }

  /** Into latent mode. @param before the last token of the text, where it is not fed yet */
  #open(before: readonly number[], nowMs: number): [] {
    this.#ownThoughts = ownCount(this.request.thoughts);
    this.#enter({ phase: 'opening', inputs: this.#gate.pass(before) }, nowMs);
    return [];
  }

  #finish(reason: FinishReason, nowMs: number, stopToken?: ScoredToken): TokenEvent {
    this.#enter({ phase: 'finished', reason }, nowMs);
    const { promptIds, suffixIds, returnThoughts } = this.request;
    return {
      kind: 'finished',
      reason,
      usage: {
        promptTokens: promptIds.length + suffixIds.length,
        cachedTokens: this.#cachedTokens,
        thoughts: this.#thoughts.count,
        answerTokens: this.#text.length,
      },
      timings: { ...this.#timings },
      thoughts: returnThoughts ? this.#thoughts.joined() : null,
      ...(stopToken && { stopToken }),
    };
  }

  /** Time since the last change goes to the phase that is left. */
  #enter(state: SequenceState, nowMs: number): void {
    this.#timings[clockOf[this.#state.phase]] += nowMs - this.#clockMs;
    this.#clockMs = nowMs;
    this.#state = state;
  }
}

/** Thoughts that the model has to compute. */
const ownCount = ({ kind, count }: ThoughtSource): number => (kind === 'model' ? count : 0);
