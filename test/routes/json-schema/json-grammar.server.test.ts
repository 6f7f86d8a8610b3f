// Random walks through the masks of each schema's grammar: whatever ends is JSON and valid.
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/random.ts';
import { jsonObjectGrammar, toGrammar } from '../../../src/routes/json-schema/json-grammar.ts';
import { allows, walk } from './grammar-texts.ts';
import { holdable } from './json-schemas.ts';

const walks = 12;

const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);

async function ended(grammar: string): Promise<string[]> {
  const random = new Random(1);
  const texts: string[] = [];
  for (let i = 0; i < walks; i++) texts.push(...[(await walk(grammar, random)) ?? []].flat());
  return texts;
}

describe('every text of the grammar of', () => {
  it.each(Object.entries(holdable))('%s is valid', async (_, schema) => {
    const isValid = ajv.compile(schema);
    const texts = await ended(toGrammar(schema));
    expect(texts.length).toBeGreaterThan(walks / 4);
    for (const text of texts) {
      expect(isValid(JSON.parse(text)), `${text}: ${ajv.errorsText(isValid.errors)}`).toBe(true);
    }
  });

  it('any object is an object', async () => {
    for (const text of await ended(jsonObjectGrammar)) {
      expect(JSON.parse(text)).toEqual(expect.any(Object));
    }
  });
});

describe('the layout', () => {
  const value = { name: 'Ünï 😀', list: [1, -2.5e3, { deep: null }], ok: true };
  const schema = {
    type: 'object',
    properties: { name: { type: 'string' }, list: { type: 'array' }, ok: { type: 'boolean' } },
  };
  it.each([undefined, 1, 2, 4, '\t'])(
    'of JSON.stringify with indent %j is allowed',
    async (indent) => {
      expect(await allows(toGrammar(schema), JSON.stringify(value, null, indent))).toBe(true);
      expect(await allows(jsonObjectGrammar, JSON.stringify(value, null, indent))).toBe(true);
    },
  );

  it('is bounded: no white space before, after, or for ever', async () => {
    for (const text of [' {}', '{} ', '{   }', `{\n${' '.repeat(50)}}`]) {
      expect(await allows(jsonObjectGrammar, text)).toBe(false);
    }
  });
});
