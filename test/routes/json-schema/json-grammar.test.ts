import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grammarLimits } from '../../../src/routes/json-schema/grammar-rules.ts';
import { maxSchemaDepth, toGrammar } from '../../../src/routes/json-schema/json-grammar.ts';
import { longEnum, schemaLimits } from '../../../src/routes/json-schema/schema-limits.ts';
import { SchemaError } from '../../../src/routes/json-schema/schema-node.ts';
import { hostileSchemas } from './hostile-schemas.ts';

const deep = (levels: number): object =>
  levels === 0 ? { type: 'null' } : { type: 'array', items: deep(levels - 1) };

const deepObject = (levels: number): object =>
  levels === 0
    ? { type: 'null' }
    : { type: 'object', properties: { a: deepObject(levels - 1) }, required: ['a'] };

/** Each refers to the next. */
const chain = (length: number) => ({
  $ref: '#/$defs/d0',
  $defs: {
    ...Object.fromEntries(
      [...Array(length).keys()].map((i) => [`d${i}`, { $ref: `#/$defs/d${i + 1}` }]),
    ),
    [`d${length}`]: { type: 'null' },
  },
});

const wide = (count: number) => ({
  type: 'object',
  properties: Object.fromEntries([...Array(count).keys()].map((i) => [`p${i}`, { type: 'null' }])),
});

const numbers = (count: number) => ({ enum: [...Array(count).keys()] });
const strings = (count: number, length: number) => ({
  enum: [...Array(count).keys()].map((i) => String(i).padStart(length, 'x')),
});

describe('a schema that no grammar can hold to is refused by name:', () => {
  it.each<[unknown, string]>([
    [7, 'schema: expected a schema, got 7'],
    [{ type: 'array', items: [] }, 'schema.items: expected a schema'],
    [{ type: 'word' }, 'schema.type: "word" is no type'],
    [{ type: 'toString' }, 'schema.type: "toString" is no type'],
    [{ type: [] }, 'schema.type'],
    [{ type: { toString: 1 } }, 'schema.type: {"toString":1} is no type'],
    [{ type: [['null'], ['null']] }, 'schema.type: ["null"] is no type'],
    [{ type: ['null', 'array', 'null'] }, 'schema.type: 3 types, of which 2 differ'],
    [{ type: ['null', 'null'], enum: [null] }, 'schema.type: 2 types, of which 1 differ'],
    [{ properties: {} }, 'schema: the keyword "properties" is not supported without a type'],
    [{ type: 'integer', pattern: '^a' }, 'the keyword "pattern" is not supported beside type'],
    [{ type: 'string', pattern: '^a', maxLength: 3 }, 'pattern beside a length'],
    [{ type: 'string', pattern: '^a', format: 'date' }, 'pattern beside format'],
    [{ type: 'string', pattern: 7 }, 'schema.pattern: expected a regular expression'],
    [{ type: 'string', pattern: '^a(?=b)' }, 'schema.pattern: "?" at character 3 is not supported'],
    [{ type: 'string', format: 'uri' }, 'schema.format: only date'],
    [{ type: 'string', format: { toString: 1 } }, 'schema.format: only date'],
    [{ type: 'string', format: 'date', minLength: 3 }, 'format beside a length'],
    [{ type: 'string', minLength: 3, maxLength: 2 }, 'minLength ≤ maxLength'],
    [{ type: 'string', maxLength: 1e9 }, 'whole numbers to 1024'],
    [{ type: 'string', minLength: -1 }, 'minLength'],
    [{ type: 'array', uniqueItems: true }, '"uniqueItems"'],
    [{ type: 'array', minItems: 1.5 }, 'minItems'],
    [{ type: 'array', items: false, minItems: 1 }, 'schema: 1 items where there are at most 0'],
    [{ type: 'integer', multipleOf: 2 }, '"multipleOf"'],
    [{ type: 'integer', minimum: 5, maximum: 4 }, 'schema: no integer lies within the bounds'],
    [{ type: 'integer', minimum: 1e18 }, 'no integer'],
    [{ type: 'number', maximum: -1e18 }, 'no number'],
    [{ type: 'number', exclusiveMinimum: 0, maximum: 0 }, 'no number'],
    [{ type: 'number', minimum: 0.5 }, 'schema.minimum: expected a whole number'],
    [{ type: 'integer', minimum: '3' }, 'schema.minimum'],
    [{ enum: [] }, 'schema.enum'],
    [{ enum: [{ a: 1 }] }, 'schema.enum: {"a":1}'],
    [{ type: 'string', enum: ['a', 3] }, 'schema.enum: 3 is no value of this type'],
    [{ anyOf: [] }, 'schema.anyOf'],
    [{ anyOf: [{ type: 'null' }], type: 'null' }, '"type" is not supported beside anyOf'],
    [{ oneOf: [] }, 'schema.oneOf: expected a list'],
    [{ oneOf: [{ type: 'null' }], type: 'null' }, '"type" is not supported beside oneOf'],
    [{ oneOf: [{ type: 'null' }, {}] }, 'schema.oneOf: 0 and 1 may hold at once'],
    [{ type: 'array', prefixItems: {} }, 'schema.prefixItems: expected a list'],
    [{ type: 'array', prefixItems: [{}], items: false, minItems: 2 }, '2 items where'],
    [{ allOf: [{ type: 'null' }] }, '"allOf"'],
    [{ not: {} }, '"not"'],
    [{ type: 'object', properties: { a: { type: 'x' } } }, 'schema.properties.a.type'],
    [{ type: 'object', required: ['a'] }, 'schema.required: "a" is no property'],
    [{ type: 'object', properties: [{}] }, 'schema: properties must be an object'],
    [
      { type: 'object', properties: { a: {} }, required: ['a', 'a'] },
      'schema.required: 2 names, of which 1 differ',
    ],
    [{ type: 'object', properties: { a: {} }, additionalProperties: {} }, 'additionalProperties'],
    [{ type: 'object', minProperties: 1 }, '"minProperties"'],
    [{ $ref: '#/$defs/none' }, 'there is no #/$defs/none'],
    [{ $ref: '#/$defs/toString', $defs: {} }, 'there is no #/$defs/toString'],
    [{ $ref: { toString: 1 } }, 'there is no {"toString":1}'],
    [{ $ref: 'https://example.com/schema' }, 'there is no https://example.com/schema'],
    [{ $ref: '#' }, '# refers to itself with nothing in between'],
    [
      {
        $ref: '#/$defs/a',
        $defs: { a: { anyOf: [{ $ref: '#/$defs/b' }] }, b: { $ref: '#/$defs/a' } },
      },
      '#/$defs/a refers to itself',
    ],
    [deep(maxSchemaDepth + 1), `nested more than ${maxSchemaDepth} deep`],
    [chain(maxSchemaDepth + 1), `nested more than ${maxSchemaDepth} deep`],
  ])('%j', (schema, message) => {
    expect(() => toGrammar(schema)).toThrow(SchemaError);
    expect(() => toGrammar(schema)).toThrow(message);
  });
});

/** JSON values of all kinds in it. */
const valuesIn = (schema: unknown) => JSON.stringify(schema).split(/[[{,:]/).length;

describe('whatever a schema says', () => {
  it('its grammar has as many rules as it has values, or it is refused', () => {
    let translated = 0;
    fc.assert(
      fc.property(hostileSchemas, (schema) => {
        const rules = rulesOf(schema);
        if (rules === null) return;
        translated += 1;
        expect(rules).toBeLessThan(2 * valuesIn(schema) + rulesOf({})!);
      }),
      { numRuns: 1000, seed: 5, endOnFailure: true },
    );
    expect(translated).toBeGreaterThan(100);
  });

  it('lists of different types, inside one another, do not multiply', () => {
    const nested = (levels: number): object =>
      levels === 0 ? {} : { type: ['array', 'object', 'null'], items: nested(levels - 1) };
    expect(rulesOf(nested(50))! - rulesOf(nested(25))!).toBe(25);
  });

  it('its error is short', () => {
    expect(messageOf({ type: 'x'.repeat(100_000) })).toHaveLength(501);
  });
});

/** null where it is refused. Any other error than a SchemaError is a failure of ours. */
function rulesOf(schema: unknown): number | null {
  try {
    return toGrammar(schema).split('::=').length - 1;
  } catch (error) {
    expect(error).toBeInstanceOf(SchemaError);
    return null;
  }
}

function messageOf(schema: unknown): string {
  try {
    return toGrammar(schema);
  } catch (error) {
    return (error as SchemaError).message;
  }
}

describe('a grammar', () => {
  it('has no more rules than it may', () => {
    const tuple = (length: number) => ({ type: 'array', prefixItems: Array(length).fill(true) });
    const { rules } = grammarLimits;
    expect(toGrammar(tuple(rules))).toContain('root ::=');
    expect(messageOf(tuple(rules + 1))).toBe(
      `schema: it needs ${rules + 1} rules, at most ${rules}`,
    );
  });

  it.each<[string, (i: number) => object]>([
    ['numbers', (i) => ({ type: 'number', minimum: -123_456_789 - i, maximum: 987_654_321_987 })],
    ['formats', () => ({ type: 'string', format: 'ipv6' })],
    ['patterns', () => ({ type: 'string', pattern: '[Ā-ǿ]' })],
  ])('has no more characters than it may: %s', (_, option) => {
    const options = (count: number) => ({
      anyOf: Array.from({ length: count }, (_, i) => option(i)),
    });
    expect(toGrammar(options(100)).length).toBeLessThan(grammarLimits.characters);
    expect(messageOf(options(3000))).toMatch(/its grammar has \d+ characters, at most 1200000$/);
  });

  it('counts what stands in several expressions each time', () => {
    let schema: object = strings(longEnum.values, 400);
    for (let i = 0; i < 20; i++) schema = { anyOf: [schema, { type: 'null' }] };
    expect(messageOf(schema)).toMatch(/its grammar has \d+ characters/);
  });

  it('is of a size that grows with its schema, optional properties and all', () => {
    const sizeOf = (count: number) => {
      const names = [...Array(count).keys()].map((i) => [`p${i}`, { type: 'null' }]);
      return toGrammar({ type: 'object', properties: Object.fromEntries(names) }).length;
    };
    expect(sizeOf(200) - sizeOf(100)).toBeLessThan(1.2 * (sizeOf(100) - sizeOf(10)));
  });

  it('writes a definition once, however often it is referred to', () => {
    const $defs = { word: { enum: ['unmistakable'] } };
    const items = { anyOf: [{ $ref: '#/$defs/word' }, { $ref: '#/$defs/word' }] };
    expect(toGrammar({ $defs, type: 'array', items }).split('unmistakable')).toHaveLength(2);
  });
});

describe('a schema as large as OpenAI takes', () => {
  const { 'object properties': properties, 'levels of objects': levels } = schemaLimits;
  const { 'enum values': values, 'characters of names and values': characters } = schemaLimits;
  it.each<[string, object, object, string]>([
    ['properties', wide(properties), wide(properties + 1), '5001 object properties, at most 5000'],
    [
      'nested objects',
      deepObject(levels),
      deepObject(levels + 1),
      '11 levels of objects, at most 10',
    ],
    ['enums', numbers(values), numbers(values + 1), '1001 enum values, at most 1000'],
    [
      'one long enum',
      strings(longEnum.values + 1, 59),
      strings(longEnum.values + 1, 60),
      'an enum of 251 values has 15060 characters, at most 15000 where there are more than 250',
    ],
    [
      'options',
      { anyOf: Array(15_999).fill(true) },
      { anyOf: Array(16_000).fill(true) },
      '16001 schemas, at most 16000',
    ],
    [
      'patterns',
      { anyOf: Array(16).fill({ type: 'string', pattern: 'a'.repeat(1024) }) },
      { anyOf: Array(17).fill({ type: 'string', pattern: 'a'.repeat(1024) }) },
      '17408 characters of patterns, at most 16384',
    ],
    [
      'names and values',
      strings(10, characters / 10),
      strings(10, characters / 10 + 1),
      '120010 characters of names and values, at most 120000',
    ],
  ])('is read, and refused with the numbers beyond: %s', (_, fits, beyond, message) => {
    expect(toGrammar(fits)).toContain('root ::=');
    expect(() => toGrammar(beyond)).toThrow(SchemaError);
    expect(() => toGrammar(beyond)).toThrow(message);
  });

  it('may nest whatever it likes without exhausting the stack', () => {
    let schema: object = { type: 'null' };
    for (let i = 0; i < 50_000; i++) schema = { anyOf: [schema] };
    expect(() => toGrammar(schema)).toThrow(SchemaError);
  });
});
