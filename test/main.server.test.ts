// The server as a process: its own engine on a tiny checkpoint, a real socket, real signals.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchServer, startServer } from './support/server-process.ts';
import { writeTinyCheckpoint } from './support/tiny-model.ts';

let modelDir: string;
beforeAll(() => {
  modelDir = mkdtempSync(join(tmpdir(), 'coconut-main-'));
  writeTinyCheckpoint(join(modelDir, 'tiny-coconut'), { seed: 1, method: 'coconut' });
  writeTinyCheckpoint(join(modelDir, 'tiny-cot'), { seed: 2, method: 'cot' });
});
afterAll(() => rmSync(modelDir, { recursive: true, force: true }));

const ask = (content: string) => ({
  model: 'tiny-coconut',
  messages: [{ role: 'user' as const, content }],
});

const start = (environment: Record<string, string> = {}) =>
  startServer({ MODEL_DIR: modelDir, ...environment });

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
    const phases = [...exported.matchAll(/^coconut_cold_start_seconds\{phase="(\w+)"\} (\S+)$/gm)];
    const ends = new Map(phases.map(([, phase, seconds]) => [phase, Number(seconds)]));
    const here = ['process', 'import', 'checkpoints', 'listen', 'ready'];
    const engine = ['import', 'weights', 'session_create', 'ready'];
    expect(new Set(ends.keys())).toEqual(new Set([...here, ...engine]));
    for (const inOrder of [here, engine].map((names) => names.map((name) => ends.get(name)!))) {
      expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
      expect(Math.min(...inOrder)).toBeGreaterThan(0);
    }
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
    expect(exported).toContain(
      'coconut_requests_cancelled_total{model="tiny-coconut",phase="answering"} 1',
    );
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

  it('is killed at once by a second signal', async () => {
    const { child, exited } = await start({ LEAVE_SECONDS: '60' });
    child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 100));
    child.kill('SIGINT');
    expect(await exited).toEqual([null, 'SIGINT']);
  });

  it('that cannot listen says so and exits with 1, although its engine is still loading', async () => {
    const { url } = await start();
    const second = launchServer({ MODEL_DIR: modelDir, PORT: new URL(url).port });
    expect(await second.exited).toEqual([1, null]);
    expect(second.complaints()).toMatch(/EADDRINUSE/);
    expect(second.complaints()).not.toMatch(/terminate called/);
  });

  it('lists every bad variable and exits with 1', async () => {
    const { exited, complaints } = launchServer({ PORT: 'http', SLOTS: 'many' });
    expect(await exited).toEqual([1, null]);
    expect(complaints()).toMatch(/config: PORT .*\nconfig: SLOTS /);
  });
});
