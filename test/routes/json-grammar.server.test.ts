// Random walks through the masks of each schema's grammar: whatever ends is JSON and valid.
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, describe, expect, it } from 'vitest';
import { GrammarThread, grammarVocabulary } from '../../src/engine/grammar-thread.ts';
import { Random } from '../../src/random.ts';
import { jsonObjectGrammar, toGrammar } from '../../src/routes/json-grammar.ts';
import { byteTokenizer } from '../support/byte-tokenizer.ts';
import { holdable } from './json-schemas.ts';

const eos = 256;
const walks = 12;
const maxTokens = 250;
const tokenizer = byteTokenizer();
const size = tokenizer.vocabSize;
const grammars = new GrammarThread(
  () => grammarVocabulary(tokenizer, { size, eosIds: [eos] }),
  30_000,
);
afterAll(() => grammars.stop());

const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);

/** Half of the time towards an end; else anything, any byte of a string alike. */
function choose(allowed: readonly number[], random: Random): number {
  const closing = allowed.filter(
    (id) => id === eos || '"}],:0123456789'.includes(tokenizer.decode([id])),
  );
  const from = closing.length > 0 && random.uniform() < 0.5 ? closing : allowed;
  return from[Math.floor(random.uniform() * from.length)]!;
}

/** null where it did not end in time. */
async function walk(grammar: string, random: Random): Promise<string | null> {
  const cursor = grammars.open(grammar);
  const ids: number[] = [];
  try {
    while (ids.length < maxTokens) {
      await cursor.settled();
      const mask = cursor.mask();
      const allowed = [...Array(size).keys()].filter((id) => (mask[id >> 5]! >>> (id & 31)) & 1);
      expect(allowed, `after ${tokenizer.decode(ids)}`).not.toEqual([]);
      const id = choose(allowed, random);
      if (id === eos) return tokenizer.decode(ids);
      ids.push(id);
      cursor.accept(id);
    }
    return null;
  } finally {
    cursor.close();
  }
}

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
    expect(texts.length).toBeGreaterThan(walks / 2);
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

/** Whether the whole text can be written. */
async function allows(grammar: string, text: string): Promise<boolean> {
  const cursor = grammars.open(grammar);
  const ids = [...tokenizer.encode(text), eos];
  for (const id of ids) {
    await cursor.settled();
    if (!((cursor.mask()[id >> 5]! >>> (id & 31)) & 1)) return false;
    if (id !== eos) cursor.accept(id);
  }
  return true;
}

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
