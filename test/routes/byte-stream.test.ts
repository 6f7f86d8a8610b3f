// What a stream leaves behind when its reader goes in the middle of a read.
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { type Frames, toByteStream } from '../../src/routes/sse.ts';

it('ends the answer and its frames for a reader that has left', async () => {
  const abort = vi.fn();
  const ended = vi.fn();
  async function* frames(): Frames {
    try {
      yield 'data: 1\n\n';
      await delay(30);
      yield 'data: 2\n\n';
    } finally {
      ended();
    }
  }
  const stream = toByteStream(frames(), { heartbeatMs: 1000, abort });
  const reader = stream.getReader();
  await reader.read();
  const late = reader.read();
  await delay(5);
  await reader.cancel();
  expect(await late).toMatchObject({ done: true });
  expect(abort).toHaveBeenCalledTimes(1);
  expect(ended).toHaveBeenCalledTimes(1);
});
