// The thoughts of one choice as the model had them, whatever was fed in their place: which is the last, what goes in
// for each, what is told of it.
import { controlled } from '../model/thought-control.ts';
import type { GenerationRequest, ThoughtTrace, TokenEvent } from './messages.ts';
import type { ThoughtOutput } from './row-output.ts';
import { type Input, wrappedSeed } from './thought-inputs.ts';
import { cosine, traceThought } from './thought-trace.ts';

export class ThoughtRecord {
  readonly #request: GenerationRequest;
  readonly #thoughts: Float32Array[] = [];
  /** Of each of them, where the request asks for it. */
  readonly #traces: ThoughtTrace[] = [];

  constructor(request: GenerationRequest) {
    this.#request = request;
  }

  get count(): number {
    return this.#thoughts.length;
  }

  /**
   * The model's next thought. Throws where it is not finite.
   * @returns `fed`: what goes in as the next input; `ends`: the stop rule has no more after it
   */
  take(output: ThoughtOutput): { event: TokenEvent; fed: Float32Array; ends: boolean } {
    const { thoughts, sampling, traceWords = 0 } = this.#request;
    const {
      stopCosine = Infinity,
      stopProbability = Infinity,
      control,
    } = thoughts.kind === 'model' ? thoughts : {};
    const { hidden, stop = 0 } = output;
    const index = this.count;
    checkThought(hidden, index);
    const previous = this.#thoughts.at(-1) ?? null;
    this.#thoughts.push(hidden);
    const hasConverged = previous !== null && cosine(hidden, previous) >= stopCosine;
    const fed = controlled(hidden, control, wrappedSeed(sampling.seed, index));
    if (output.kind === 'traced')
      this.#traces.push(traceThought(hidden, previous, output.logits, traceWords));
    return { event: this.#eventOf(index), fed, ends: hasConverged || stop >= stopProbability };
  }

  /** Thoughts that stood before they were fed: the request's own, or all that were refined together. */
  takeGiven(inputs: readonly Input[]): TokenEvent[] {
    const given = inputs.filter((input) => typeof input !== 'number');
    const first = this.count;
    this.#thoughts.push(...given);
    return given.map((_, i) => this.#eventOf(first + i));
  }

  /** Another choice's, which become this one's as well. */
  adopt(other: ThoughtRecord): TokenEvent[] {
    this.#thoughts.push(...other.#thoughts);
    this.#traces.push(...other.#traces);
    return this.#thoughts.map((_, index) => this.#eventOf(index));
  }

  /** @returns [count, D] */
  joined(): Float32Array {
    const width = this.#thoughts[0]?.length ?? 0;
    const all = new Float32Array(this.count * width);
    this.#thoughts.forEach((thought, i) => {
      all.set(thought, i * width);
    });
    return all;
  }

  #eventOf(index: number): TokenEvent {
    const trace = this.#traces[index];
    return { kind: 'thought', index, ...(trace && { trace }) };
  }
}

/** Throws with the place of a number that is not finite. */
export function checkThought(hidden: Float32Array, index: number): void {
  const bad = hidden.findIndex((value) => !Number.isFinite(value));
  if (bad !== -1) throw new Error(`thought ${index} is ${hidden[bad]} at ${bad}`);
}
