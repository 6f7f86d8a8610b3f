// SIGTERM with more under way than can be finished: what a client, a load balancer and whoever
// started the process see of it, in the order in which it happens.
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { longPositions } from './support/long-model.ts';
import { startServer } from './support/server-process.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { writeTinyCheckpoint } from './support/tiny-model.ts';

const streams = 12;

function slowServer() {
  const dir = join(temporaryDirectory(), 'tiny-coconut');
  writeTinyCheckpoint(dir, { seed: 1, method: 'coconut', positions: longPositions });
  // One after the other, thousands of tokens each: more than any machine writes in two seconds.
  const onePlace = { SLOTS: '1', SLOT_CAPACITY: String(longPositions) };
  return startServer({ MODEL_DIR: dir, ...onePlace, LEAVE_SECONDS: '1', DRAIN_SECONDS: '1' });
}

it('drains: not ready, then closed to new work, then what is left is cut off, and exit 0', async () => {
  const { child, exited, url, lines, complaints } = await slowServer();
  const post = (body: object) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'tiny-coconut',
        messages: [{ role: 'user', content: 'Is Tom a zebra?' }],
        ignore_eos: true,
        ...body,
      }),
    });
  const phase = async () => {
    const response = await fetch(`${url}/readyz`);
    return [response.status, ((await response.json()) as { status: string }).status];
  };
  const running = await Promise.all(
    Array.from({ length: streams }, () => post({ stream: true, latent_thoughts: 2 })),
  );
  const texts = running.map((response) => response.text());
  child.kill('SIGTERM');

  await vi.waitFor(async () => expect(await phase()).toEqual([503, 'leaving']));
  const late = await post({ stream: true });
  expect(late.status).toBe(200);
  texts.push(late.text());

  await vi.waitFor(async () => expect(await phase()).toEqual([503, 'draining']), 5000);
  const refused = await post({});
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(refused.headers.get('connection')).toBe('close');
  expect(await refused.json()).toMatchObject({ error: { code: 'engine_unavailable' } });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);

  for (const text of await Promise.all(texts)) {
    const last = text.trimEnd().split('\n\n').at(-1);
    // Whole, or its end said: never just cut.
    expect(last).toMatch(/^data: (\[DONE\]$|\{"error":\{.*"code":"request_aborted")/);
  }
  expect((await texts.at(-1))?.includes('[DONE]')).toBe(false);
  expect(await exited).toEqual([0, null]);
  expect(lines.at(-1)).toContain('"drained"');
  expect(complaints()).toBe('');
});
