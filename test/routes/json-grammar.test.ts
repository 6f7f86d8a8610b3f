import { describe, expect, it } from 'vitest';
import {
  maxSchemaDepth,
  maxSchemaLength,
  SchemaError,
  toGrammar,
} from '../../src/routes/json-grammar.ts';

const deep = (levels: number): object =>
  levels === 0 ? { type: 'null' } : { type: 'array', items: deep(levels - 1) };

describe('a schema that no grammar can hold to is refused by name:', () => {
  it.each<[unknown, string]>([
    [7, 'schema: expected a schema, got 7'],
    [{ type: 'array', items: [] }, 'schema.items: expected a schema'],
    [{ type: 'word' }, 'schema.type: "word" is no type'],
    [{ type: 'toString' }, 'schema.type: "toString" is no type'],
    [{ type: [] }, 'schema.type'],
    [{ properties: {} }, 'schema: the keyword "properties" is not supported without a type'],
    [
      { type: 'string', pattern: '^a' },
      'schema: the keyword "pattern" is not supported beside type',
    ],
    [{ type: 'string', format: 'uri' }, 'schema.format: only date'],
    [{ type: 'string', format: 'date', minLength: 3 }, 'schema.format'],
    [{ type: 'string', minLength: 3, maxLength: 2 }, 'minLength ≤ maxLength'],
    [{ type: 'string', maxLength: 1e9 }, 'whole numbers to 1024'],
    [{ type: 'string', minLength: -1 }, 'minLength'],
    [{ type: 'array', uniqueItems: true }, '"uniqueItems"'],
    [{ type: 'array', minItems: 1.5 }, 'minItems'],
    [{ type: 'array', items: false, minItems: 1 }, 'an empty array of 1 items'],
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
    [{ oneOf: [{ type: 'null' }] }, '"oneOf"'],
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
    [{ description: 'x'.repeat(maxSchemaLength) }, `at most ${maxSchemaLength} are read`],
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
