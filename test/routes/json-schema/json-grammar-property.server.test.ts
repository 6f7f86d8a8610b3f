// Random schemas and values: a grammar takes the text of a value exactly where an independent validator
// takes the value, and whatever it lets a generator write is valid.
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/random.ts';
import { toGrammar } from '../../../src/routes/json-schema/json-grammar.ts';
import { patterns, type Schema, schemas, valuesUnder } from './arbitrary-schemas.ts';
import { allows, walk } from './grammar-texts.ts';

const runs = { numRuns: 60, seed: 7, endOnFailure: true };
const timeoutMs = 300_000;
const ajv = new Ajv2020({ strict: false });

const withValues = schemas.chain((schema) => {
  const definitions = schema['$defs'] as Record<string, Schema>;
  const values = fc.array(valuesUnder(schema, definitions), { minLength: 4, maxLength: 8 });
  return fc.record({ schema: fc.constant(schema), values });
});

describe('the grammar of any schema', () => {
  it(
    'takes exactly the valid values',
    async () => {
      const seen = { valid: 0, invalid: 0 };
      await fc.assert(
        fc.asyncProperty(withValues, async ({ schema, values }) => {
          const grammar = toGrammar(schema);
          const isValid = ajv.compile(schema);
          for (const value of values) {
            const text = JSON.stringify(value);
            const valid = isValid(value);
            seen[valid ? 'valid' : 'invalid'] += 1;
            expect(await allows(grammar, text), `${text}: valid is ${valid}`).toBe(valid);
          }
        }),
        runs,
      );
      expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(runs.numRuns);
    },
    timeoutMs,
  );

  it(
    'writes valid values only',
    async () => {
      let ended = 0;
      await fc.assert(
        fc.asyncProperty(schemas, fc.nat(), async (schema, seed) => {
          const isValid = ajv.compile(schema);
          const text = await walk(toGrammar(schema), new Random(seed));
          if (text === null) return;
          ended += 1;
          expect(isValid(JSON.parse(text)), `${text}: ${ajv.errorsText(isValid.errors)}`).toBe(
            true,
          );
        }),
        runs,
      );
      expect(ended).toBeGreaterThan(runs.numRuns / 2);
    },
    timeoutMs,
  );
});

describe('the grammar of any pattern', () => {
  it(
    'takes exactly the texts that match',
    async () => {
      const texts = patterns.chain((source) => {
        const values = fc.array(valuesUnder({ type: 'string', pattern: source }, {}), {
          minLength: 6,
          maxLength: 10,
        });
        return fc.record({ source: fc.constant(source), values });
      });
      await fc.assert(
        fc.asyncProperty(texts, async ({ source, values }) => {
          const grammar = toGrammar({ type: 'string', pattern: source });
          for (const value of values) {
            const matches = typeof value === 'string' && new RegExp(source, 'u').test(value);
            const text = JSON.stringify(value);
            expect(await allows(grammar, text), `${source} on ${text}`).toBe(matches);
          }
        }),
        runs,
      );
    },
    timeoutMs,
  );
});
