import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sseData } from '../../loadtest/sse.ts';

async function dataOf(pieces: Uint8Array[]): Promise<string[]> {
  const found: string[] = [];
  const body = (async function* () {
    yield* pieces;
  })();
  for await (const data of sseData(body)) found.push(data);
  return found;
}

const bytes = (text: string) => new TextEncoder().encode(text);

it('reads data and passes over comments, other fields and an event without an end', async () => {
  const text = ': ping\n\ndata: {"a": 1}\n\nevent: x\ndata:b\r\ndata: c\r\n\r\ndata: cut off\n';
  expect(await dataOf([bytes(text)])).toEqual(['{"a": 1}', 'b\nc']);
});

it('does not depend on where the body is cut', async () => {
  const text = 'data: ärger\n\n: ping\n\ndata: 🥥 two\n\ndata: [DONE]\n\n';
  const whole = await dataOf([bytes(text)]);
  const cut = fc.uniqueArray(fc.nat({ max: bytes(text).length }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(cut, async (positions) => {
      const edges = [0, ...positions.sort((a, b) => a - b), bytes(text).length];
      const pieces = edges.slice(1).map((end, i) => bytes(text).slice(edges[i], end));
      expect(await dataOf(pieces)).toEqual(whole);
    }),
  );
  expect(whole).toEqual(['ärger', '🥥 two', '[DONE]']);
});
