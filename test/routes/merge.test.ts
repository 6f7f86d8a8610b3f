// Several streams as one: what fails while the reader is elsewhere must wait for him, not end the process.
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { mergeAll } from '../../src/routes/merge.ts';

async function* failingAfter(...values: number[]) {
  yield* values;
  throw new Error('the answer was cut off');
}

describe('mergeAll', () => {
  it('keeps a failure until the reader comes for it, and nobody else hears of it', async () => {
    const unheard = vi.fn();
    process.on('unhandledRejection', unheard);
    try {
      const merged = mergeAll([failingAfter(1)]);
      expect((await merged.next()).value).toEqual([0, 1]);
      await turn();
      await turn();
      await expect(merged.next()).rejects.toThrow('the answer was cut off');
      expect(unheard).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unheard);
    }
  });

  it('lets a reader leave while a source is about to fail', async () => {
    const unheard = vi.fn();
    process.on('unhandledRejection', unheard);
    try {
      for await (const [index, value] of mergeAll([failingAfter(7), failingAfter()])) {
        expect([index, value]).toEqual([0, 7]);
        await turn();
        break;
      }
      await turn();
      expect(unheard).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unheard);
    }
  });
});
