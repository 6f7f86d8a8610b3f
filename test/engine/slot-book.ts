// Who holds a slot, and what stands in it: the bookkeeping of runners without tensors. It refuses
// whatever the real cache could not do.

export class SlotBook<T> {
  readonly #slots: number;
  readonly #contents = new Map<number, T>();

  constructor(slots: number) {
    this.#slots = slots;
  }

  /** Ids of sequences. */
  get ids(): number[] {
    return [...this.#contents.keys()];
  }

  get usage(): number {
    return this.#contents.size / this.#slots;
  }

  has(id: number): boolean {
    return this.#contents.has(id);
  }

  get(id: number): T | undefined {
    return this.#contents.get(id);
  }

  /** Takes a slot where the sequence has none. Throws when none is left. */
  put(id: number, content: T): void {
    this.#contents.set(id, content);
    const held = this.#contents.size;
    if (held > this.#slots) throw new Error(`${held} of ${this.#slots} slots`);
  }

  /** Throws unless one of them holds a slot and the other does not. */
  fork(from: number, to: number): void {
    const content = this.#contents.get(from);
    if (content === undefined || this.has(to)) throw new Error(`fork of ${from} to ${to}`);
    this.put(to, content);
  }

  free(id: number): void {
    this.#contents.delete(id);
  }
}
