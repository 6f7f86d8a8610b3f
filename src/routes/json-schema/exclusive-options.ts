// Whether the options of a `oneOf` exclude each other, so that exactly one holds wherever any does.
// Proved by types, by constant values, or by a property; what is not proved may still be so.
import { isNode, type Schema, SchemaError } from './schema-node.ts';

/** Pairs, values and names looked at for all `oneOf` of a schema, and how deep into properties. */
export const maxComparisons = 60_000;
const maxDepth = 6;

const types = ['null', 'boolean', 'number', 'string', 'array', 'object'];

/** What of a schema decides, read once: its lists are as long as the caller likes. */
type Facts = {
  types: ReadonlySet<unknown>;
  /** null where the schema does not list them. */
  values: ReadonlySet<unknown> | null;
  required: readonly unknown[];
};

/** One schema's proofs, which share a budget. */
export class ExclusiveOptions {
  readonly #resolve: (ref: unknown) => unknown;
  readonly #facts = new Map<Schema, Facts>();
  #comparisons = 0;

  /** @param resolve what a `$ref` leads to */
  constructor(resolve: (ref: unknown) => unknown) {
    this.#resolve = resolve;
  }

  /**
   * @returns the first two options that are not known to exclude each other; null where there are none
   * Throws SchemaError where that takes too many comparisons.
   */
  firstOverlap(options: readonly unknown[]): [number, number] | null {
    for (let j = 1; j < options.length; j++) {
      for (let i = 0; i < j; i++) if (!this.#exclude(options[i], options[j], 0)) return [i, j];
    }
    return null;
  }

  #exclude(a: unknown, b: unknown, depth: number): boolean {
    this.#count(1);
    if (depth > maxDepth) return false;
    const of = (a: unknown, b: unknown) => this.#exclude(a, b, depth + 1);
    if (!isNode(a) || !isNode(b)) return false;
    if ('$ref' in a) return of(this.#resolve(a['$ref']), b);
    const options = a['anyOf'] ?? a['oneOf'];
    if (Array.isArray(options)) return options.every((option) => of(option, b));
    if ('$ref' in b || 'anyOf' in b || 'oneOf' in b) return of(b, a);
    const [ofA, ofB] = [this.#factsOf(a), this.#factsOf(b)];
    const shared = [...ofA.types].filter((type) => ofB.types.has(type));
    if (shared.length === 0) return true;
    if (ofA.values && ofB.values) return this.#areDisjoint(ofA.values, ofB.values);
    return (
      shared.every((type) => type === 'object') &&
      (this.#byProperty(a, b, of) || this.#byProperty(b, a, of))
    );
  }

  #areDisjoint(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean {
    const [fewer, more] = a.size < b.size ? [a, b] : [b, a];
    this.#count(fewer.size);
    return ![...fewer].some((value) => more.has(value));
  }

  /** a requires what b has not, or has differently. */
  #byProperty(a: Schema, b: Schema, exclude: (a: unknown, b: unknown) => boolean): boolean {
    const [ofA, ofB] = [Object(a['properties']), Object(b['properties'])] as [Schema, Schema];
    return this.#factsOf(a).required.some((name) => {
      this.#count(1);
      if (typeof name !== 'string') return false;
      if (!Object.hasOwn(ofB, name)) return b['additionalProperties'] === false;
      return Object.hasOwn(ofA, name) && exclude(ofA[name], ofB[name]);
    });
  }

  #factsOf(node: Schema): Facts {
    const known = this.#facts.get(node);
    if (known) return known;
    const values = valuesOf(node);
    const required = Array.isArray(node['required']) ? node['required'] : [];
    const facts = { types: typesOf(node, values), values: values && new Set(values), required };
    this.#facts.set(node, facts);
    return facts;
  }

  #count(comparisons: number): void {
    this.#comparisons += comparisons;
    if (this.#comparisons <= maxComparisons) return;
    throw new SchemaError(
      `schema: to tell the options of oneOf apart takes more than ${maxComparisons} comparisons`,
    );
  }
}

function typesOf(node: Schema, values: readonly unknown[] | null): Set<unknown> {
  if (values) return new Set(values.map(typeOf));
  if (node['type'] === undefined) return new Set<unknown>(types);
  const given = new Set<unknown>([node['type']].flat());
  return new Set(
    types.filter((type) => given.has(type) || (type === 'number' && given.has('integer'))),
  );
}

const typeOf = (value: unknown) => (value === null ? 'null' : typeof value);

function valuesOf(node: Schema): readonly unknown[] | null {
  if ('const' in node) return [node['const']];
  return Array.isArray(node['enum']) ? node['enum'] : null;
}
