// A real Prometheus next to the tests, scraping with the configuration of deploy/observability; Debian's
// package `prometheus` brings it and promtool. Stopped when its test ends.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { temporaryDirectory } from './temporary-directory.ts';

const folder = 'deploy/observability';

export const hasPrometheus = ['prometheus', 'promtool'].every(
  (name) => spawnSync(name, ['--version']).status === 0,
);

export type Sample = { metric: Record<string, string>; value: number };

export type Prometheus = {
  /** Samples of an instant query, now. Rejects with Prometheus' own words for a bad expression. */
  query(expression: string): Promise<Sample[]>;
  /** Names of the rules it evaluates, with what went wrong in the last evaluation ('' if nothing). */
  rules(): Promise<Record<string, string>>;
};

/** The committed configuration, pointed at `url` and hurried: scrapes and evaluates twice a second. */
export async function startPrometheus(url: string, apiKey: string): Promise<Prometheus> {
  const dir = temporaryDirectory();
  const config = parse(readFileSync(join(folder, 'prometheus.yml'), 'utf8'));
  const [job] = config.scrape_configs;
  job.static_configs[0].targets = [new URL(url).host];
  job.authorization = { credentials: apiKey };
  config.global = {
    scrape_interval: '500ms',
    scrape_timeout: '500ms',
    evaluation_interval: '500ms',
  };
  writeFileSync(join(dir, 'prometheus.yml'), stringify(config));
  for (const file of config.rule_files) copyFileSync(join(folder, file), join(dir, file));
  const address = `127.0.0.1:${await freePort()}`;
  stopLater(
    spawn(
      'prometheus',
      [
        `--config.file=${join(dir, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(dir, 'data')}`,
        `--web.listen-address=${address}`,
      ],
      { stdio: 'ignore' },
    ),
  );
  const isReady = async () => expect((await fetch(`http://${address}/-/ready`)).ok).toBe(true);
  await vi.waitFor(isReady, { timeout: 60_000, interval: 100 });
  return clientOf(`http://${address}/api/v1`);
}

/** promtool's exit status and what it printed. */
export function promtool(args: string[], input = '') {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

type VectorData = { result: { metric: Record<string, string>; value: [number, string] }[] };
type RulesData = { groups: { rules: { name: string; lastError?: string }[] }[] };

function clientOf(api: string): Prometheus {
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${api}${path}`);
    const body = (await response.json()) as { status: string; error: string; data: T };
    if (body.status !== 'success') throw new Error(`${path}: ${body.error}`);
    return body.data;
  };
  return {
    async query(expression) {
      const path = `/query?query=${encodeURIComponent(expression)}`;
      const { result } = await get<VectorData>(path);
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    async rules() {
      const { groups } = await get<RulesData>('/rules');
      const all = groups.flatMap(({ rules }) => rules);
      return Object.fromEntries(all.map(({ name, lastError = '' }) => [name, lastError]));
    },
  };
}

function stopLater(child: ChildProcess): void {
  onTestFinished(async () => {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
