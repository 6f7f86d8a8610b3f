// How large a schema may be: OpenAI's limits for structured outputs and two of ours, counted before any of
// it is translated. Walks without recursion, since the depth is one of the things to bound.
import { isNode, type Schema, SchemaError } from './schema-node.ts';

export const schemaLimits = {
  'object properties': 5000,
  'levels of objects': 10,
  'enum values': 1000,
  'characters of names and values': 120_000,
  // Lists of options hold no names and no values, but each option takes its time.
  schemas: 16_000,
  'characters of patterns': 16_384,
} as const;

type Limited = keyof typeof schemaLimits;
const limited = Object.keys(schemaLimits) as Limited[];

/** One enum of more strings than this may hold fewer characters than any other. */
export const longEnum = { values: 250, characters: 15_000 };

/** Keywords whose schemas stand under names, and those that hold a schema or a list of them. */
const named = ['properties', '$defs', 'definitions'];
const nested = ['items', 'prefixItems', 'additionalProperties', 'anyOf', 'oneOf'];

/** Throws SchemaError with the number and the limit. */
export function checkSize(root: unknown): void {
  const counts = Object.fromEntries(limited.map((what) => [what, 0])) as Record<Limited, number>;
  counts.schemas = 1;
  const left = [{ node: root, level: 0 }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { node, level } = next;
    if (!isNode(node)) continue;
    const ownLevel = isNode(node['properties']) ? level + 1 : level;
    counts['levels of objects'] = Math.max(counts['levels of objects'], ownLevel);
    countNames(node, counts);
    countValues(node, counts);
    const { pattern } = node;
    if (typeof pattern === 'string') counts['characters of patterns'] += pattern.length;
    const below = children(node);
    counts.schemas += below.length;
    checkCounts(counts);
    for (const child of below) left.push({ node: child, level: ownLevel });
  }
}

function children(node: Schema): unknown[] {
  const found: unknown[] = [];
  for (const key of named) if (isNode(node[key])) found.push(Object.values(node[key]));
  for (const key of nested) if (key in node) found.push(node[key]);
  return found.flat();
}

function countNames(node: Schema, counts: Record<Limited, number>): void {
  for (const key of named) {
    if (!isNode(node[key])) continue;
    const names = Object.keys(node[key]);
    counts['characters of names and values'] += lengthOf(names);
    if (key === 'properties') counts['object properties'] += names.length;
  }
}

function countValues(node: Schema, counts: Record<Limited, number>): void {
  if ('const' in node) counts['characters of names and values'] += lengthOf([node['const']]);
  if (!Array.isArray(node['enum'])) return;
  const values = node['enum'];
  const length = lengthOf(values);
  if (values.length > longEnum.values && length > longEnum.characters) {
    throw new SchemaError(
      `schema: an enum of ${values.length} values has ${length} characters, at most ` +
        `${longEnum.characters} where there are more than ${longEnum.values}`,
    );
  }
  counts['enum values'] += values.length;
  counts['characters of names and values'] += length;
}

const lengthOf = (values: readonly unknown[]) =>
  values.reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 1), 0);

function checkCounts(counts: Record<Limited, number>): void {
  for (const what of limited) {
    const [count, limit] = [counts[what], schemaLimits[what]];
    if (count > limit) throw new SchemaError(`schema: ${count} ${what}, at most ${limit}`);
  }
}
