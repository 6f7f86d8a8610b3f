import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ExclusiveOptions,
  maxComparisons,
} from '../../../src/routes/json-schema/exclusive-options.ts';
import { definitionOf } from '../../../src/routes/json-schema/schema-node.ts';
import { type Schema, schemas, valuesUnder } from './arbitrary-schemas.ts';

const object = (properties: Schema, extra: Schema = {}) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  ...extra,
});
const proofIn = (schema: unknown) =>
  new ExclusiveOptions((reference) => definitionOf(schema, reference));
const root = {
  $defs: {
    cat: object({ kind: { const: 'cat' } }),
    pet: { anyOf: [{ $ref: '#/$defs/cat' }, { type: 'null' }] },
    self: { $ref: '#/$defs/self' },
  },
};
const ref = (name: string) => ({ $ref: `#/$defs/${name}` });
const overlap = (...options: unknown[]) => proofIn(root).firstOverlap(options);

const numbers = (from: number, count: number) => ({
  enum: [...Array(count).keys()].map((i) => from + i),
});
const wide = (count: number, first: number) =>
  object(Object.fromEntries([...Array(count).keys()].map((i) => [`p${i}`, { type: 'string' }])), {
    title: String(first),
  });

describe('options exclude each other', () => {
  it.each<[string, unknown[]]>([
    ['by type', [{ type: 'string' }, { type: ['null', 'integer'] }, { type: 'object' }]],
    ['by constant values', [{ const: 'a' }, { enum: ['b', 1] }, { type: 'string', const: 'c' }]],
    ['by the type of values', [{ enum: ['a', 'b'] }, { type: 'number' }]],
    [
      'by a required property',
      [object({ kind: { const: 'a' } }), object({ kind: { enum: ['b', 'c'] } })],
    ],
    [
      'by a property that the other has not',
      [object({ a: {} }), object({ b: {} }, { additionalProperties: false })],
    ],
    ['through references', [ref('pet'), object({ kind: { const: 'dog' } }), { const: 1 }]],
  ])('%s', (_, options) => {
    expect(overlap(...options)).toBeNull();
    expect(overlap(...options.toReversed())).toBeNull();
  });

  it.each<[string, unknown[]]>([
    ['an integer is a number', [{ type: 'integer' }, { type: 'number' }]],
    ['a value has a type', [{ const: 'a' }, { type: 'string' }]],
    ['a property may be absent', [{ type: 'object' }, object({ a: {} })]],
    [
      'a property that is not required',
      [
        object({ kind: { const: 1 } }, { required: [] }),
        object({ kind: { const: 2 } }, { required: [] }),
      ],
    ],
    ['anything goes', [{}, { type: 'null' }]],
    ['arrays may be empty', [{ type: 'array', items: { const: 1 } }, { type: 'array' }]],
    ['a reference in a circle', [ref('self'), { type: 'null' }]],
    ['a reference to nothing', [ref('none'), { type: 'null' }]],
  ])('but not where %s', (_, options) => {
    expect(overlap(...options)).toEqual([0, 1]);
    expect(overlap(...options.toReversed())).toEqual([0, 1]);
  });

  it('within one budget for all oneOf of a schema', () => {
    let resolved = 0;
    const proof = new ExclusiveOptions((reference) => {
      resolved += 1;
      return { const: reference };
    });
    const options = [...Array(20).keys()].map((i) => ({ $ref: `#${i}` }));
    expect(proof.firstOverlap(options)).toBeNull();
    // Of each pair, the second first.
    expect(resolved).toBe(2 * 190);
    const all = () => {
      for (let i = 0; i < maxComparisons; i++) proof.firstOverlap(options);
    };
    expect(all).toThrow(`takes more than ${maxComparisons} comparisons`);
    expect(resolved).toBeLessThan(maxComparisons);
  });

  it.each<[string, unknown, unknown, number]>([
    ['values: the fewer', numbers(0, 400), numbers(400, 99), 1 + 99],
    ['required names', wide(100, 0), wide(100, 1), 1 + 2 * (100 + 100)],
  ])('counting %s', (_, a, b, comparisons) => {
    const proof = proofIn(root);
    const times = Math.floor(maxComparisons / comparisons);
    for (let i = 0; i < times; i++) proof.firstOverlap([a, b]);
    expect(() => proof.firstOverlap([a, b])).toThrow('comparisons');
  });

  it('never where a value is valid under both', () => {
    const ajv = new Ajv2020({ strict: false });
    let proved = 0;
    const pairs = fc.tuple(schemas, schemas).chain(([a, b]) => {
      // One set of definitions for both, as in one schema.
      const $defs = a['$defs'] as Record<string, Schema>;
      const both = [a, { ...b, $defs }];
      const values = both.map((schema) => fc.array(valuesUnder(schema, $defs), { minLength: 3 }));
      return fc.record({ both: fc.constant(both), values: fc.tuple(...values) });
    });
    fc.assert(
      fc.property(pairs, ({ both, values }) => {
        if (proofIn(both[0]).firstOverlap(both)) return;
        proved += 1;
        const [isA, isB] = both.map((schema) => ajv.compile(schema));
        for (const value of values.flat()) {
          expect(isA!(value) && isB!(value), JSON.stringify(value)).toBe(false);
        }
      }),
      { numRuns: 60, seed: 3, endOnFailure: true },
    );
    expect(proved).toBeGreaterThan(10);
  });
});
