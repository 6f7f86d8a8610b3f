import { describe, expect, it } from 'vitest';
import { maxSchemaDepth, toGrammar } from '../../../src/routes/json-schema/json-grammar.ts';
import { longEnum, schemaLimits } from '../../../src/routes/json-schema/schema-limits.ts';
import { SchemaError } from '../../../src/routes/json-schema/schema-node.ts';

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
    [{ properties: {} }, 'schema: the keyword "properties" is not supported without a type'],
    [{ type: 'integer', pattern: '^a' }, 'the keyword "pattern" is not supported beside type'],
    [{ type: 'string', pattern: '^a', maxLength: 3 }, 'pattern beside a length'],
    [{ type: 'string', pattern: '^a', format: 'date' }, 'pattern beside format'],
    [{ type: 'string', pattern: 7 }, 'schema.pattern: expected a regular expression'],
    [{ type: 'string', pattern: '^a(?=b)' }, 'schema.pattern: "?" at character 3 is not supported'],
    [{ type: 'string', format: 'uri' }, 'schema.format: only date'],
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
    [{ type: 'object', properties: { a: {} }, additionalProperties: {} }, 'additionalProperties'],
    [{ type: 'object', minProperties: 1 }, '"minProperties"'],
    [{ $ref: '#/$defs/none' }, 'there is no #/$defs/none'],
    [{ $ref: '#/$defs/toString', $defs: {} }, 'there is no #/$defs/toString'],
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

describe('a grammar', () => {
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
    expect(() => toGrammar(schema)).toThrow(`nested more than ${maxSchemaDepth} deep`);
  });
});
