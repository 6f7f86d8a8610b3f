// The server as a process: its own engine on a tiny checkpoint, a real socket, real signals.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeTinyCheckpoint } from './support/tiny-model.ts';

let modelDir: string;
beforeAll(() => {
  modelDir = mkdtempSync(join(tmpdir(), 'coconut-main-'));
  writeTinyCheckpoint(join(modelDir, 'tiny-coconut'), { seed: 1, method: 'coconut' });
  writeTinyCheckpoint(join(modelDir, 'tiny-cot'), { seed: 2, method: 'cot' });
});
afterAll(() => rmSync(modelDir, { recursive: true, force: true }));

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

function launch(environment: Record<string, string>) {
  const { PATH } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    cwd: join(import.meta.dirname, '..'),
    env: { PATH, MODEL_DIR: modelDir, PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  return { child, exited, complaints: () => stderr };
}

async function start(environment: Record<string, string> = {}) {
  const { child, exited, complaints } = launch(environment);
  const lines: string[] = [];
  const ended = exited.then(() => Promise.reject(new Error(`exited: ${complaints()}`)));
  const listening = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      const { url } = JSON.parse(line) as { url?: string };
      if (url) resolve(url);
    });
  });
  const url = await Promise.race([listening, ended]);
  const isReady = async () => expect((await fetch(`${url}/readyz`)).status).toBe(200);
  await Promise.race([vi.waitFor(isReady, { timeout: 20_000, interval: 50 }), ended]);
  // From here on an exit is what the test looks at.
  ended.catch(() => {});
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });
  return { child, exited, url, client, lines };
}

const ask = (content: string) => ({
  model: 'tiny-coconut',
  messages: [{ role: 'user' as const, content }],
});

describe('the server process', () => {
  it('answers the same text plain and streamed, from both checkpoints, and logs no prompt', async () => {
    const { client, url, lines } = await start();
    const limit = { ignore_eos: true, max_completion_tokens: 20 };
    for (const [model, thoughts] of [
      ['tiny-coconut', 3],
      ['tiny-cot', 0],
    ] as const) {
      const request = { ...ask('Is Tom a zebra?'), ...limit, model };
      const plain = await client.chat.completions.create(request);
      expect(plain.usage?.completion_tokens_details?.reasoning_tokens).toBe(thoughts);
      expect(plain.usage?.completion_tokens).toBe(20);
      expect(plain.choices[0]?.finish_reason).toBe('length');
      const streamed = client.chat.completions.stream(request);
      expect(await streamed.finalContent()).toBe(plain.choices[0]?.message.content);
    }
    const exported = await (await fetch(`${url}/metrics`)).text();
    expect(exported).toContain('coconut_latent_thoughts_total{model="tiny-coconut"} 6');
    expect(exported).toMatch(
      /coconut_engine_step_seconds_count\{model="tiny-coconut",phase="latent"\} [1-9]/,
    );
    expect(exported).toMatch(/coconut_cold_start_seconds\{phase="ready"\} [\d.]+/);
    expect(lines.join('\n')).not.toContain('zebra');
  });

  it('serves on after a client left its stream midway', async () => {
    const { client, url } = await start({ SLOTS: '1' });
    const request = { ...ask('Is Tom a zebra?'), ignore_eos: true, stream: true as const };
    const stream = await client.chat.completions.create(request);
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    const after = await client.chat.completions.create({ ...ask('And now?'), max_tokens: 5 });
    expect(after.object).toBe('chat.completion');
    const exported = await (await fetch(`${url}/metrics`)).text();
    expect(exported).toMatch(/coconut_requests_total\{[^}]*finish_reason="abort"\} 1/);
  });

  it('finishes a running stream after SIGTERM and exits with 0', async () => {
    const { child, exited, client } = await start();
    const request = { ...ask('Is Tom a zebra?'), ignore_eos: true, stream: true as const };
    const stream = await client.chat.completions.create(request);
    let finish: string | null | undefined;
    for await (const chunk of stream) {
      // The first chunk only: a second signal would mean at once.
      if (chunk.choices[0]?.delta.role) child.kill('SIGTERM');
      finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    expect(finish).toBe('length');
    expect(await exited).toEqual([0, null]);
  });

  it('exits at once on a second signal', async () => {
    const { child, exited } = await start({ LEAVE_SECONDS: '60' });
    child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 100));
    child.kill('SIGINT');
    expect(await exited).toEqual([1, null]);
  });

  it('lists every bad variable and exits with 1', async () => {
    const { exited, complaints } = launch({ PORT: 'http', SLOTS: 'many' });
    expect(await exited).toEqual([1, null]);
    expect(complaints()).toMatch(/config: PORT .*\nconfig: SLOTS /);
  });
});
