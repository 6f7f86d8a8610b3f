// The four parallel arrays of /v1/completions: names, offsets, and one telling for plain answers and streams.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ScoredToken } from '../../src/engine/messages.ts';
import { ChoiceLogprobs, tokenName } from '../../src/routes/completion-logprobs.ts';
import { textCompletionSchema } from '../../src/routes/response-schemas.ts';
import { TextOffsets } from '../../src/routes/text-offsets.ts';
import { byteTokenizer } from '../support/byte-tokenizer.ts';
import { FakeEngine, fakeApp, fakeModel, post, special } from '../support/fake-engine.ts';

const tokenizer = byteTokenizer();
const scored = (tokenId: number, top: [number, number][] = []): ScoredToken => ({
  tokenId,
  logprobs: { logprob: -2, top: top.map(([id, logprob]) => ({ tokenId: id, logprob })) },
});
const arraysOf = (...tokens: ScoredToken[]) =>
  new ChoiceLogprobs(tokenizer).next([{ kind: 'text', tokens }]);

/** Tokens of several bytes each, as merges make them: any, whether they are text or not. */
const tokensOf = (spellings: readonly Uint8Array[]) => ({
  bytesOf: (id: number) => spellings[id]!,
  isSpecial: () => false,
});

/** Whole characters of one to four bytes, and what is left where they are cut, or was never one. */
const spelling = fc.oneof(
  fc.constantFrom('a', 'é', '€', '😀', '\uFEFF', '\uFFFD', 'né').map((text) => Buffer.from(text)),
  fc.uint8Array({ minLength: 1, maxLength: 4 }),
  fc
    .constantFrom([0xf0, 0x9f], [0x98], [0x80, 0x61], [0xc3], [0xa9])
    .map((bytes) => Uint8Array.from(bytes)),
);

describe('a token’s name', () => {
  it.each<[string, number[]]>([
    ['é', [0xc3, 0xa9]],
    ['bytes:\\xc3', [0xc3]],
    ['bytes:\\xf0\\x9f\\x98', [0xf0, 0x9f, 0x98]],
    ['bytes:\\x80\\x61', [0x80, 0x61]],
    ['\uFFFD', [0xef, 0xbf, 0xbd]],
    ['\uFEFF', [0xef, 0xbb, 0xbf]],
  ])('is %s', (name, bytes) => {
    expect(tokenName(tokensOf([Uint8Array.from(bytes)]), 0)).toBe(name);
  });
});

describe('top_logprobs', () => {
  it('have the token itself beside the likeliest, once', () => {
    const [a, b, c] = [...Buffer.from('abc')] as [number, number, number];
    const arrays = arraysOf(scored(c, [[a, -0.5], [b, -1]]), scored(a, [[a, -2], [b, -3]]), scored(c)); // biome-ignore format: a row per token would hide them
    expect(arrays!.top_logprobs).toEqual([{ a: -0.5, b: -1, c: -2 }, { a: -2, b: -3 }, { c: -2 }]);
  });

  it('keep parts of characters apart, and the likeliest of equal names', () => {
    const spelt = tokensOf(['x', 'x', 'y'].map((text) => Buffer.from(text)));
    const top = [0, 2, 1].map((tokenId, i) => ({ tokenId, logprob: -1 - i }));
    const tokens = [{ tokenId: 1, logprobs: { logprob: -3, top } }];
    const twice = new ChoiceLogprobs({ ...tokenizer, ...spelt }).next([{ kind: 'text', tokens }]);
    expect(twice!.top_logprobs).toEqual([{ x: -1, y: -2 }]);
    const parts = arraysOf(scored(0xc3, [[0xc3, -2], [0xc4, -3]])); // biome-ignore format: pairs
    expect(parts!.top_logprobs).toEqual([{ 'bytes:\\xc3': -2, 'bytes:\\xc4': -3 }]);
    const odd = [{ ...scored(0), logprobs: { logprob: -1, top: [] } }];
    const proto = tokensOf([Buffer.from('__proto__')]);
    const own = new ChoiceLogprobs({ ...tokenizer, ...proto }).next([
      { kind: 'text', tokens: odd },
    ]);
    expect(JSON.stringify(own!.top_logprobs)).toBe('[{"__proto__":-1}]');
  });
});

describe('text_offset', () => {
  it('counts characters, and stays where a token goes on with one', () => {
    const offsets = new TextOffsets(tokenizer);
    const begins = [...Buffer.from('aé😀b')].map((byte) => offsets.next(byte));
    expect(begins).toEqual([0, 1, 1, 2, 2, 2, 2, 3]);
    expect(offsets.end).toBe([...'aé😀b'].length);
  });

  it('is where a token’s text stands, whatever comes before it', () => {
    fc.assert(
      fc.property(fc.array(spelling, { maxLength: 12 }), (spellings) => {
        const offsets = new TextOffsets(tokensOf(spellings));
        const begins = spellings.map((_, id) => offsets.next(id));
        const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
        const text = [...decoder.decode(Buffer.concat(spellings))];
        expect(offsets.end).toBe(text.length);
        expect(begins).toEqual(begins.toSorted((a, b) => a - b));
        spellings.forEach((_, id) => {
          const [begin, name] = [begins[id]!, tokenName(tokensOf(spellings), id)];
          expect(begin).toBeLessThan(text.length);
          if (name.startsWith('bytes:')) return;
          expect(text.slice(begin, begin + [...name].length).join('')).toBe(name);
        });
      }),
    );
  });

  it('is at the end of the text for what ended it, and for a special token', () => {
    const offsets = new TextOffsets(tokenizer);
    expect([97, special.eos, 0xc3].map((id) => offsets.next(id))).toEqual([0, 1, 1]);
    expect(offsets.end).toBe(2);
  });
});

const anyIds = fc.array(fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('é😀 a'))), {
  minLength: 1,
  maxLength: 12,
});

describe('a stream', () => {
  it('tells what a plain answer tells, of prompt and answer, over any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(anyIds, anyIds, fc.boolean(), async (prompt, ids, echo) => {
        const { app } = fakeApp([fakeModel(new FakeEngine({ ids }))]);
        const body = { model: 'fake/coconut', prompt, logprobs: 2, echo, n: 2 };
        const plain = textCompletionSchema.parse(
          await (await post(app, '/v1/completions', body)).json(),
        );
        const streamed = await post(app, '/v1/completions', { ...body, stream: true });
        const lines = (await streamed.text()).trim().split('\n\n').slice(0, -1);
        const chunks = lines.flatMap(
          (line) => textCompletionSchema.parse(JSON.parse(line.slice('data: '.length))).choices,
        );
        for (const { index, text, logprobs } of plain.choices) {
          const own = chunks.filter((chunk) => chunk.index === index);
          expect(own.map((chunk) => chunk.text).join('')).toBe(text);
          const joined = Object.keys(logprobs!).map((key) => [
            key,
            own.flatMap((chunk): unknown[] => chunk.logprobs?.[key as 'tokens'] ?? []),
          ]);
          expect(logprobs).toEqual(Object.fromEntries(joined));
          expect(logprobs!.tokens).toHaveLength((echo ? prompt.length : 0) + ids.length + 1);
          expect(logprobs!.text_offset.at(-1)).toBe([...text].length);
          expect(logprobs!.text_offset.every((at, i, all) => i === 0 || at >= all[i - 1]!)).toBe(
            true,
          );
        }
      }),
      { numRuns: 40 },
    );
  });
});
