// The soak in short, against a real server process on a tiny checkpoint.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sourceServer, startServer } from '../../loadtest/server-process.ts';
import { soak } from '../../loadtest/soak-run.ts';
import { complaints } from '../../loadtest/soak-verdict.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { writeTinyCheckpoint } from '../support/tiny-model.ts';

it('loses nothing while callers come and hang up', async () => {
  const dir = join(temporaryDirectory(), 'tiny');
  writeTinyCheckpoint(dir, { seed: 1, method: 'coconut' });
  const environment = { MODEL_DIR: dir, SLOTS: '8', QUEUE_LIMIT: '200' };
  const server = await startServer(environment, sourceServer);
  try {
    const url = new URL(server.url);
    const settings = { model: 'tiny', maxTokens: 40, thoughts: null, apiKey: null };
    const limits = { streams: 60, seconds: 8, requests: 3000, cancelShare: 0.4, seed: 1 };
    const report = await soak({ url, ...settings, timeoutMs: 60_000 }, ['Is Tom a cat?'], limits);
    expect(complaints(report)).toEqual([]);
    expect(report.cancelled).toBeGreaterThan(10);
    expect(report.answered).toBeGreaterThan(50);
    expect(report.samples.length).toBeGreaterThan(0);
  } finally {
    expect(await server.stop()).toBe(0);
  }
});
