// METRICS_PORT as whoever starts the process sees it, and what is said of a port that is taken.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { launchServer, startServer } from './support/server-process.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { writeTinyCheckpoint } from './support/tiny-model.ts';

function tinyCheckpoint(): string {
  const dir = join(temporaryDirectory(), 'tiny-coconut');
  writeTinyCheckpoint(dir, { seed: 1, method: 'coconut' });
  return dir;
}

it('tells the same metrics on both ports, with a key on the first only', async () => {
  const { url, lines, child, exited } = await startServer({
    MODEL_DIR: tinyCheckpoint(),
    API_KEYS: 'key',
    METRICS_PORT: '0',
  });
  const { metricsUrl } = lines.map((line) => JSON.parse(line)).find((line) => line.url === url);
  expect(metricsUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  expect((await fetch(`${url}/metrics`)).status).toBe(401);
  const authorization = 'Bearer key';
  const asked = [fetch(`${url}/metrics`, { headers: { authorization } }), fetch(metricsUrl)];
  for (const response of await Promise.all(asked)) {
    expect(await response.text()).toMatch(/^coconut_ready 1$/m);
  }
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});

it.each(['PORT', 'METRICS_PORT'])('names %s where it is taken', async (variable) => {
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void taken.close());
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as AddressInfo;
  const environment = { MODEL_DIR: tinyCheckpoint(), [variable]: String(port) };
  const { exited, complaints } = launchServer(environment);
  expect(await exited).toEqual([1, null]);
  expect(complaints()).toBe(
    `config: ${variable}: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`,
  );
});
