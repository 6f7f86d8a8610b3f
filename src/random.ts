// Seeded random numbers: the same seed draws the same numbers on every machine and in every release, so that a step's
// draws follow from the run's seed and the step's number.

const WARM_UP_ROUNDS = 12;

/** sfc32, "small fast counting" generator by Chris Doty-Humphrey (PractRand, public domain): 128 bits of state. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  /** @param seed integer from 0 to 2^53 - 1 */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`random seed must be an integer from 0 to 2^53 - 1, got ${seed}`);
    }
    this.#a = 0;
    this.#b = seed | 0;
    this.#c = Math.floor(seed / 2 ** 32) | 0;
    this.#counter = 1;
    for (let round = 0; round < WARM_UP_ROUNDS; round++) this.#nextWord();
  }

  /** Uniform in [0, 1), in steps of 2^-32. */
  uniform(): number {
    return this.#nextWord() / 2 ** 32;
  }

  /** Uniform integer in [0, below). */
  int(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  /** A uniformly drawn element; throws on an empty list. */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('cannot pick from an empty list');
    return list[this.int(list.length)] as T;
  }

  /** Index drawn with probability weights[i] / sum(weights); the weights must be >= 0 and not all 0. */
  weightedIndex(weights: ArrayLike<number>): number {
    let total = 0;
    for (let i = 0; i < weights.length; i++) total += weights[i]!;
    if (!(total > 0)) throw new RangeError(`weights must have a positive sum, got ${total}`);
    let rest = this.uniform() * total;
    let last = 0;
    for (let i = 0; i < weights.length; i++) {
      if (weights[i] === 0) continue;
      last = i;
      rest -= weights[i]!;
      if (rest < 0) return i;
    }
    return last; // only reached when rounding left a rest
  }

  /** Shuffles in place (Fisher-Yates) and returns the same list. */
  shuffle<T extends { length: number; [index: number]: unknown }>(list: T): T {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  }

  /** Poisson count by Knuth's product of uniforms; time grows with the mean, so it is meant for means below 30. */
  poisson(mean: number): number {
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = this.uniform(); product > limit; product *= this.uniform()) count++;
    return count;
  }

  /** Standard normal by Box-Muller. The second value of the pair is dropped: keeping it would be hidden state. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Next 32 bits, as an unsigned integer. */
  #nextWord(): number {
    const word = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + word;
    this.#c |= 0;
    return word >>> 0;
  }
}
