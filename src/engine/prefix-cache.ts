// What finished sequences computed, kept for requests that begin alike: which inputs, whose, and their
// keys and values. Thoughts count as inputs: they follow from the weights and what stands before them.
import type { Input } from './thought-inputs.ts';

/** An input that is asked for: a token, or the model's own next thought. */
export type WantedInput = number | 'thought';

/** Keys and values as the store that computed them keeps them; released when nobody can ask again. */
export type KeptRows = { readonly byteLength: number; release?(): void };

type Entry<Rows> = {
  scope: string;
  owner: string;
  inputs: readonly Input[];
  /** Keys and values of these positions, by KvStore.keep. */
  rows: Rows;
};

/** Keys and values that may be kept: copied, or held, only where they are. */
export type Keepable<Rows> = {
  /** Whose share they count against: one owner may have any number of scopes. */
  owner: string;
  byteLength: number;
  keep: () => Rows;
};

/** `length` of the kept `inputs` are the ones asked for. */
export type PrefixMatch<Rows> = { inputs: readonly Input[]; rows: Rows; length: number };

export class PrefixCache<Rows extends KeptRows> {
  readonly #maxBytes: number;
  /** Least recently used first. */
  #entries: Entry<Rows>[] = [];
  #bytes = 0;

  /** @param maxBytes of keys and values; 0: nothing is kept */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The longest common prefix with what was kept in the same scope; null where there is none. */
  match(scope: string, wanted: readonly WantedInput[]): PrefixMatch<Rows> | null {
    let best: Entry<Rows> | null = null;
    let length = 0;
    for (const entry of this.#entries) {
      if (entry.scope !== scope) continue;
      const common = commonLength(entry.inputs, wanted);
      if (common > length) [best, length] = [entry, common];
    }
    if (!best) return null;
    this.#touch(best);
    return { inputs: best.inputs, rows: best.rows, length };
  }

  /** @param kept kept only where the inputs are news, and fit */
  keep(scope: string, inputs: readonly Input[], kept: Keepable<Rows>): void {
    const { owner, byteLength } = kept;
    if (byteLength > this.#maxBytes || inputs.length === 0) return;
    const wanted = inputs.map((input) => (typeof input === 'number' ? input : 'thought'));
    const own = this.#entries.filter((entry) => entry.scope === scope);
    const longer = own.find((entry) => commonLength(entry.inputs, wanted) === inputs.length);
    if (longer) {
      this.#touch(longer);
      return;
    }
    for (const entry of own) {
      if (commonLength(entry.inputs, wanted) === entry.inputs.length) this.#drop(entry);
    }
    while (this.#bytes + byteLength > this.#maxBytes) this.#drop(this.#victim());
    this.#entries.push({ scope, owner, inputs, rows: kept.keep() });
    this.#bytes += byteLength;
  }

  /** The oldest of the owner who holds most: one tenant's flood pushes out its own entries. */
  #victim(): Entry<Rows> {
    const held = new Map<string, number>();
    for (const { owner, rows } of this.#entries) {
      held.set(owner, (held.get(owner) ?? 0) + rows.byteLength);
    }
    const most = Math.max(...held.values());
    return this.#entries.find(({ owner }) => held.get(owner) === most) as Entry<Rows>;
  }

  #touch(entry: Entry<Rows>): void {
    this.#entries = [...this.#entries.filter((other) => other !== entry), entry];
  }

  #drop(entry: Entry<Rows>): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.#bytes -= entry.rows.byteLength;
    entry.rows.release?.();
  }
}

function commonLength(inputs: readonly Input[], wanted: readonly WantedInput[]): number {
  const differs = inputs.findIndex((input, i) =>
    typeof input === 'number' ? input !== wanted[i] : wanted[i] !== 'thought',
  );
  return Math.min(differs === -1 ? inputs.length : differs, wanted.length);
}
