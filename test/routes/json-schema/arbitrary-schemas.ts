// Random schemas, and values that are often, but not always, valid under them. Only what grammars and
// JSON Schema agree on: texts are ASCII, numbers have two decimals, and objects list their members in
// the schema's order and have no others.
import fc from 'fast-check';

export type Schema = Record<string, unknown>;
type Definitions = Record<string, Schema>;

const character = fc.constantFrom(...'aab01-_ ."\\\n\u0001/'.split(''));
const shortText = fc.array(character, { maxLength: 6 }).map((characters) => characters.join(''));
const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer({ min: -9, max: 9 }),
  shortText,
);

/** One group deep: where several repetitions lie in each other, the validator's own search explodes. */
const { pattern } = fc.letrec<{ pattern: string; sequence: string; piece: string; atom: string }>(
  (tie) => ({
    pattern: fc
      .tuple(fc.constantFrom('^', '^', ''), tie('sequence'), fc.constantFrom('$', '$', ''))
      .map((parts) => parts.join('')),
    sequence: fc.array(tie('piece'), { minLength: 1, maxLength: 3 }).map((all) => all.join('')),
    piece: fc
      .tuple(tie('atom'), fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,3}', '{2,}', '*?'))
      .map((parts) => parts.join('')),
    atom: fc.oneof(
      { maxDepth: 1 },
      fc.constantFrom('a', 'b', '0', '\\.', '\\\\', '"', '.', '\\d', '\\w', '\\S', '[ab]', '[^a]'),
      fc.constantFrom('[a-c_-]', '[^\\s"]', '\\x61', '\\u0001', '\\n', '[\\d\\]]', '-'),
      fc.tuple(tie('sequence'), tie('sequence')).map(([a, b]) => `(${a}|${b})`),
      tie('sequence').map((inner) => `(?:${inner})`),
    ),
  }),
);
export const patterns: fc.Arbitrary<string> = pattern;

/** [a, b] with a ≤ b, either of them at times left out. */
const range = (least: string, most: string, low: number, high: number) =>
  fc
    .tuple(fc.integer({ min: low, max: high }), fc.nat(4), fc.constantFrom(0, 1, 2, 3))
    .map(([from, more, which]) => ({
      ...(which !== 0 && { [least]: from }),
      ...(which !== 1 && { [most]: from + more }),
    }));

const leaf: fc.Arbitrary<Schema> = fc.oneof(
  fc.constantFrom<Schema[]>({ type: 'null' }, { type: 'boolean' }, { type: ['null', 'string'] }),
  range('minimum', 'maximum', -12, 120).map((bounds) => ({ type: 'integer', ...bounds })),
  range('minimum', 'maximum', -3, 12).map((bounds) => ({ type: 'number', ...bounds })),
  fc.integer({ min: -3, max: 12 }).map((least) => ({ type: 'number', exclusiveMinimum: least })),
  range('minLength', 'maxLength', 0, 3).map((lengths) => ({ type: 'string', ...lengths })),
  patterns.map((source) => ({ type: 'string', pattern: source })),
  fc.uniqueArray(scalar, { minLength: 1, maxLength: 4 }).map((values) => ({ enum: values })),
  scalar.map((value) => ({ const: value })),
);

const objectOf = (properties: Definitions, isRequired: readonly boolean[]): Schema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((_, i) => isRequired[i]),
  additionalProperties: false,
});

const { schema } = fc.letrec<{ schema: Schema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    leaf,
    fc
      .tuple(tie('schema'), range('minItems', 'maxItems', 0, 2))
      .map(([items, counts]) => ({ type: 'array', items, ...counts })),
    fc
      .tuple(
        fc.array(tie('schema'), { minLength: 1, maxLength: 3 }),
        fc.oneof(fc.constant(false), tie('schema')),
        fc.nat(2),
      )
      .map(([prefixItems, items, least]) => {
        const minItems = Math.min(least, prefixItems.length);
        return { type: 'array', prefixItems, items, minItems };
      }),
    fc
      .tuple(
        fc.array(tie('schema'), { maxLength: 3 }),
        fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
        fc.constantFrom(['x', 'y', 'z'], ['a"b', '', 'é']),
      )
      .map(([values, isRequired, names]) => {
        const properties = Object.fromEntries(values.map((value, i) => [names[i]!, value]));
        return objectOf(properties, isRequired);
      }),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((options) => ({ anyOf: options })),
    fc
      .array(tie('schema'), { minLength: 1, maxLength: 3 })
      .map((values) => ({ oneOf: values.map((value, i) => tagged(i, value)) })),
    fc.constantFrom<Schema[]>(
      { oneOf: [{ type: 'integer' }, { enum: ['a', true] }, { type: 'array' }] },
      { type: 'array', items: { $ref: '#/$defs/first' }, maxItems: 2 },
      objectOf({ next: { $ref: '#/$defs/second' } }, [false]),
    ),
  ),
}));

const tagged = (kind: number, value: Schema) =>
  objectOf({ kind: { const: kind }, value }, [true, true]);

/** A schema, and the two definitions that it and they may refer to. */
export const schemas: fc.Arbitrary<Schema> = fc
  .tuple(schema, schema, schema)
  .map(([root, first, second]) => ({ ...root, $defs: { first, second } }));

/** Mostly valid under `node`, of which `definitions` are the root's. */
export function valuesUnder(
  node: unknown,
  definitions: Definitions,
  depth = 6,
): fc.Arbitrary<unknown> {
  const of = (inner: unknown) => valuesUnder(inner, definitions, depth - 1);
  const stray = fc.oneof(scalar, fc.constant([]), fc.constant({}));
  const likely = (arbitrary: fc.Arbitrary<unknown>) =>
    fc.oneof({ weight: 12, arbitrary }, { weight: 1, arbitrary: stray });
  if (depth === 0 || typeof node !== 'object' || node === null) return stray;
  const { $ref, anyOf, oneOf, type, ...rest } = node as Schema;
  if (typeof $ref === 'string') return of(definitions[$ref.replace('#/$defs/', '')]);
  const options = (anyOf ?? oneOf) as unknown[] | undefined;
  if (options) return fc.oneof(...options.map(of));
  if ('const' in rest) return likely(fc.constant(rest['const']));
  if ('enum' in rest) return likely(fc.constantFrom(...(rest['enum'] as unknown[])));
  if (type === 'array') return likely(arraysUnder(rest, of));
  if (type === 'object') return likely(objectsUnder(rest, of));
  return likely(ofScalarType(type, rest));
}

function ofScalarType(type: unknown, { pattern: source }: Schema): fc.Arbitrary<unknown> {
  if (type === 'null') return fc.constant(null);
  if (type === 'boolean') return fc.boolean();
  if (type === 'integer') return fc.integer({ min: -20, max: 130 });
  if (type === 'number') return fc.integer({ min: -500, max: 2000 }).map((n) => n / 100);
  if (typeof source !== 'string') return shortText;
  const matching = fc.stringMatching(new RegExp(source, 'u'), { size: 'xsmall' });
  return fc.oneof(matching.map(inAscii), shortText);
}

/** Sets without an end are filled from all of Unicode. */
const inAscii = (text: string) =>
  Array.from(text, (character) => (character > '\u007f' ? 'b' : character)).join('');

function arraysUnder(node: Schema, of: (inner: unknown) => fc.Arbitrary<unknown>) {
  const first = (node['prefixItems'] as unknown[] | undefined) ?? [];
  const rest = node['items'] === false ? { type: 'null' } : node['items'];
  return fc
    .nat(Math.max(3, first.length + 1))
    .chain((length) =>
      fc.tuple(...Array.from({ length }, (_, i) => of(i < first.length ? first[i] : rest))),
    );
}

function objectsUnder(node: Schema, of: (inner: unknown) => fc.Arbitrary<unknown>) {
  const members = Object.entries(node['properties'] as Definitions).map(([name, value]) => {
    const isRequired = (node['required'] as string[]).includes(name);
    const isThere = fc.nat(9).map((n) => n < (isRequired ? 9 : 5));
    return fc.tuple(fc.constant(name), of(value), isThere);
  });
  return fc
    .tuple(...members)
    .map((all) => Object.fromEntries(all.filter(([, , isThere]) => isThere)));
}
