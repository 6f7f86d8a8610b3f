// Random schemas as a caller might send them to break the server: keywords with values of the wrong kind, lists
// that repeat themselves, names that objects have of their own, references in circles.
import fc from 'fast-check';

type Node = Record<string, unknown>;

const { hostile } = fc.letrec<{ hostile: Node; list: unknown[] }>((tie) => {
  const nodes = tie('hostile');
  const type = fc.constantFrom(...'array object string integer null word'.split(' '));
  /** Often, but not always, a value that it takes. */
  const keyword = <T>(arbitrary: fc.Arbitrary<T>) =>
    fc.option(fc.oneof({ weight: 9, arbitrary }, fc.jsonValue({ maxDepth: 1 })), {
      nil: undefined,
      freq: 2,
    });
  const names = fc.constantFrom('a', 'b', 'toString', '__proto__');
  return {
    list: fc.array(nodes, { minLength: 1, maxLength: 3 }),
    hostile: fc
      .oneof(
        { maxDepth: 7, depthSize: 'large', withCrossShrink: true },
        fc.record({ type: keyword(type) }),
        fc.record({
          type: fc.array(fc.constantFrom('array', 'object', 'array'), {
            minLength: 1,
            maxLength: 3,
          }),
          items: nodes,
          additionalProperties: keyword(nodes),
        }),
        fc.record({
          type: keyword(fc.array(type)),
          items: nodes,
          prefixItems: keyword(tie('list')),
        }),
        fc.record({
          type: fc.constant('object'),
          properties: keyword(fc.dictionary(names, nodes)),
          required: keyword(fc.array(names)),
        }),
        fc.record({ anyOf: tie('list') }),
        fc.record({ oneOf: tie('list') }),
        fc.record({ $ref: keyword(fc.constantFrom('#', '#/$defs/a', '#/$defs/b')) }),
        fc.record({ enum: keyword(fc.array(fc.integer())), type: keyword(type) }),
        fc.record({
          type: fc.constant('string'),
          pattern: keyword(fc.string({ unit: fc.constantFrom(...'a({})*,19|[^].\\') })),
          minLength: keyword(fc.integer()),
        }),
      )
      .map((node) =>
        Object.fromEntries(Object.entries(node).filter(([, value]) => value !== undefined)),
      ),
  };
});

/** Lists of types inside one another: what is written for each type multiplies. */
const nestedTypes = fc
  .array(fc.array(fc.constantFrom('array', 'object', 'null'), { minLength: 1, maxLength: 3 }), {
    minLength: 6,
    maxLength: 8,
  })
  .map((levels) => levels.reduce<Node>((items, type) => ({ type, items }), {}));

export const hostileSchemas: fc.Arbitrary<Node> = fc
  .tuple(fc.oneof({ weight: 3, arbitrary: hostile }, nestedTypes), hostile, hostile)
  .map(([node, a, b]) => ({ ...node, $defs: { a, b } }));
