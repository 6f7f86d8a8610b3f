// The Grafana dashboard asks a server only for what it exports: a real process, after one answer.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sourceServer, startServer } from '../../loadtest/server-process.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { writeTinyCheckpoint } from '../support/tiny-model.ts';

type Panel = { id: number; title: string; targets: { expr: string }[] };
const { panels } = JSON.parse(readFileSync('deploy/observability/dashboard.json', 'utf8')) as {
  panels: Panel[];
};

/** Have no samples before a request was refused, or counted against a measured baseline. */
const silentAtFirst = /^coconut_(requests_rejected_total|baseline_|baselined_|cot_baseline_)/;

async function exportedAfterOneAnswer(): Promise<string> {
  const dir = join(temporaryDirectory(), 'tiny');
  writeTinyCheckpoint(dir, { seed: 1, method: 'coconut' });
  const server = await startServer({ MODEL_DIR: dir }, sourceServer);
  try {
    const answer = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tiny', messages: [{ role: 'user', content: 'Is it?' }] }),
    });
    expect(answer.status).toBe(200);
    return await (await fetch(`${server.url}/metrics`)).text();
  } finally {
    await server.stop();
  }
}

it('queries what a real server exports, in every panel', { timeout: 300_000 }, async () => {
  const exported = await exportedAfterOneAnswer();
  const has = (pattern: string) => new RegExp(pattern, 'm').test(exported);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  for (const { title, targets } of panels) {
    for (const { expr } of targets) {
      const names = expr.match(/\b(?:coconut|nodejs)_[a-z0-9_]+/g) ?? [];
      expect(names.length, `${title}: ${expr}`).toBeGreaterThan(0);
      const unknown = names.filter(
        (name) =>
          !has(`^# TYPE (${name}|${name.replace(/_(bucket|sum|count)$/, '')}) `) ||
          !(silentAtFirst.test(name) || has(`^${name}[ {]`)),
      );
      expect(unknown, `${title}: ${expr}`).toEqual([]);
    }
  }
});
