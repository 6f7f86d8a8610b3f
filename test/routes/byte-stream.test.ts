// What a stream leaves behind when its reader goes in the middle of a read.
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { type Frames, toByteStream } from '../../src/routes/sse.ts';

it('sets no timer for a reader that has left', async () => {
  const disconnect = vi.fn(() => true);
  const abort = vi.fn();
  async function* frames(): Frames {
    yield 'data: 1\n\n';
    await delay(30);
    yield 'data: 2\n\n';
  }
  const stream = toByteStream(frames(), { heartbeatMs: 1000, stallMs: 50, abort, disconnect });
  const reader = stream.getReader();
  await reader.read();
  void reader.read().catch(() => {});
  await delay(5);
  await reader.cancel();
  await delay(150);
  expect(abort).toHaveBeenCalledTimes(1);
  expect(disconnect).not.toHaveBeenCalled();
});
