// Whether the options of a `oneOf` exclude each other, so that exactly one holds wherever any does.
// Proved by types, by constant values, or by a property; what is not proved may still be so.
import { isNode, type Schema } from './schema-node.ts';

/** Pairs looked at for one `oneOf`, and how deep into properties. */
const maxComparisons = 20_000;
const maxDepth = 6;

const types = ['null', 'boolean', 'number', 'string', 'array', 'object'] as const;
type JsonType = (typeof types)[number];

/** @returns the first two options that are not known to exclude each other; null where there are none */
export function firstOverlap(
  options: readonly unknown[],
  resolve: (ref: string) => unknown,
): [number, number] | null {
  const proof = new Proof(resolve);
  for (let j = 1; j < options.length; j++) {
    for (let i = 0; i < j; i++) if (!proof.holds(options[i], options[j])) return [i, j];
  }
  return null;
}

class Proof {
  readonly #resolve: (ref: string) => unknown;
  #comparisons = 0;

  constructor(resolve: (ref: string) => unknown) {
    this.#resolve = resolve;
  }

  holds(a: unknown, b: unknown, depth = 0): boolean {
    this.#comparisons += 1;
    if (this.#comparisons > maxComparisons || depth > maxDepth) return false;
    const of = (a: unknown, b: unknown) => this.holds(a, b, depth + 1);
    if (!isNode(a) || !isNode(b)) return false;
    if ('$ref' in a) return of(this.#resolve(String(a['$ref'])), b);
    const options = a['anyOf'] ?? a['oneOf'];
    if (Array.isArray(options)) return options.every((option) => of(option, b));
    if ('$ref' in b || 'anyOf' in b || 'oneOf' in b) return of(b, a);
    const shared = typesOf(a).filter((type) => typesOf(b).includes(type));
    if (shared.length === 0) return true;
    const [ofA, ofB] = [valuesOf(a), valuesOf(b)];
    if (ofA && ofB) return !ofA.some((value) => ofB.includes(value));
    return (
      shared.every((type) => type === 'object') && (byProperty(a, b, of) || byProperty(b, a, of))
    );
  }
}

/** a requires what b has not, or has differently. */
function byProperty(a: Schema, b: Schema, excludes: (a: unknown, b: unknown) => boolean): boolean {
  const required = Array.isArray(a['required']) ? a['required'].map(String) : [];
  const [ofA, ofB] = [Object(a['properties']), Object(b['properties'])] as [Schema, Schema];
  return required.some((name) => {
    if (!Object.hasOwn(ofB, name)) return b['additionalProperties'] === false;
    return Object.hasOwn(ofA, name) && excludes(ofA[name], ofB[name]);
  });
}

function typesOf(node: Schema): JsonType[] {
  const values = valuesOf(node);
  if (values) return types.filter((type) => values.some((value) => typeOf(value) === type));
  if (node['type'] === undefined) return [...types];
  const given = [node['type']].flat();
  return types.filter(
    (type) => given.includes(type) || (type === 'number' && given.includes('integer')),
  );
}

const typeOf = (value: unknown) => (value === null ? 'null' : typeof value);

/** null where the schema does not list them. */
function valuesOf(node: Schema): unknown[] | null {
  if ('const' in node) return [node['const']];
  return Array.isArray(node['enum']) ? node['enum'] : null;
}
