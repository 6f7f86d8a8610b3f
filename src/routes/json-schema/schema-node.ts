// One node of a JSON Schema as it is read: its place, for errors; which keywords may stand in it; what
// its references lead to.

/** Of an error: it names places and values of the caller's, which may be a megabyte long. */
const maxMessage = 500;

/** Names the place in the schema. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';

  constructor(message: string) {
    super(message.length <= maxMessage ? message : `${message.slice(0, maxMessage)}…`);
  }
}

export type Schema = Readonly<Record<string, unknown>>;

export type Place = {
  path: string;
  /** Schemas that this one stands in, references followed. */
  depth: number;
  /** References followed to get here without a character of text in between. */
  refs: readonly string[];
};

/** Of array lengths, string lengths and a pattern: each step to it is a state of the compiled grammar. */
export const maxRepetition = 1024;

/** They say nothing about the value. */
const annotations = new Set(
  [
    '$schema $id $comment $defs definitions title description default examples',
    'deprecated readOnly writeOnly',
  ].flatMap((line) => line.split(' ')),
);

export const within = ({ path, depth }: Place, step: string): Place => ({
  path: path + step,
  depth: depth + 1,
  refs: [],
});

export function isNode(schema: unknown): schema is Schema {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema);
}

/** Throws SchemaError for a keyword that is neither allowed nor an annotation. */
export function onlyKeys(node: Schema, allowed: readonly string[], { path }: Place): void {
  const other = Object.keys(node).find((key) => !allowed.includes(key) && !annotations.has(key));
  if (other === undefined) return;
  const beside = allowed[0] === undefined ? 'without a type' : `beside ${allowed[0]}`;
  throw new SchemaError(`${path}: the keyword ${JSON.stringify(other)} is not supported ${beside}`);
}

/** What `#`, `#/$defs/…` or `#/definitions/…` leads to; undefined where there is nothing. */
export function definitionOf(root: unknown, ref: unknown): unknown {
  if (ref === '#') return root;
  if (typeof ref !== 'string') return undefined;
  const [, key, name = ''] = ref.match(/^#\/(\$defs|definitions)\/([^/~%]+)$/) ?? [];
  const definitions = key === undefined ? undefined : (root as Schema)[key];
  return Object.hasOwn(Object(definitions), name) ? (definitions as Schema)[name] : undefined;
}

/** min… and max… of `what`; infinite where there is no maximum. */
export function limits(least: unknown, greatest: unknown, what: string, { path }: Place) {
  const isLimit = (value: unknown) =>
    value === undefined || (Number.isInteger(value) && (value as number) >= 0);
  const given = [least, greatest].filter((value) => value !== undefined) as number[];
  const isOrdered = ((least ?? 0) as number) <= ((greatest ?? Infinity) as number);
  if (isLimit(least) && isLimit(greatest) && isOrdered && Math.max(0, ...given) <= maxRepetition) {
    return [(least ?? 0) as number, (greatest ?? Number.POSITIVE_INFINITY) as number] as const;
  }
  throw new SchemaError(
    `${path}: min${what} ≤ max${what} must be whole numbers to ${maxRepetition}`,
  );
}
