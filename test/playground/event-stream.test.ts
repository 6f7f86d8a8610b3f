import { expect, it } from 'vitest';
import { dataOf } from '../../playground/event-stream.js';

const transcript =
  ': ping\n\ndata: {"text":"Zoë"}\n\nevent: x\ndata: second\n\ndata: [DONE]\n\ndata: cut';
const events = ['{"text":"Zoë"}', 'second', '[DONE]'];

async function read(pieces: Uint8Array[]): Promise<string[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
  const seen: string[] = [];
  for await (const data of dataOf(body)) seen.push(data);
  return seen;
}

it('gives the same events wherever the stream is cut, inside a character too', async () => {
  const bytes = new TextEncoder().encode(transcript);
  for (let at = 0; at <= bytes.length; at++) {
    expect(await read([bytes.slice(0, at), bytes.slice(at)]), `cut at ${at}`).toEqual(events);
  }
  expect(await read([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(events);
});
