// Where latent mode begins in the middle of an answer, if it does: at a <bot> that the model writes, or after so many
// lines of its text. It begins once.
import type { GenerationRequest } from './messages.ts';
import { type Input, leadIn } from './thought-inputs.ts';

export class LatentGate {
  readonly #request: GenerationRequest;
  #isPassed = false;
  /** Line ends that are still to come before it. */
  #linesLeft: number;

  constructor(request: GenerationRequest) {
    this.#request = request;
    this.#linesLeft = request.latentEntry?.afterLines ?? Number.POSITIVE_INFINITY;
  }

  /** Markers that may not be sampled now: <bot>, unless the model is to say where its thoughts are. */
  get barred(): readonly number[] {
    const entry = this.#request.latentEntry;
    if (!entry) return [];
    const isModels = entry.afterLines === null && !this.#isPassed;
    return isModels ? [] : [entry.botId];
  }

  /** Whether this token is no text but the way into latent mode. */
  isMarker(tokenId: number): boolean {
    return !this.#isPassed && tokenId === this.#request.latentEntry?.botId;
  }

  /** Whether latent mode is to follow this token of the text. */
  isDueAfter(tokenId: number): boolean {
    if (this.#request.latentEntry?.lineEndIds.includes(tokenId)) this.#linesLeft -= 1;
    return !this.#isPassed && this.#linesLeft === 0;
  }

  /** Inputs up to the first state that is a thought, or to the logits where thoughts are given or none. */
  pass(before: readonly number[]): readonly Input[] {
    const { latentEntry: entry, thoughts } = this.#request;
    if (!entry) throw new Error('the request has no thoughts in the middle of its answer');
    this.#isPassed = true;
    return leadIn([...before, entry.botId], thoughts, [entry.eotId]);
  }
}
