import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMetricsApp } from '../src/app.ts';
import { metricNames } from '../src/metrics.ts';
import type { EvalReport } from '../src/model/eval-report.ts';
import { ask, FakeEngine, fakeApp, fakeModel, postChat, queueFull } from './support/fake-engine.ts';

const run = {
  items: 10,
  correct: 9,
  accuracy: 0.9,
  accuracy_ci95: [0.6, 0.98] as [number, number],
};
const evalReport: EvalReport = {
  date: '2026-01-01T00:00:00Z',
  data: { name: 'riddles', sha256: 'd', items: 10 },
  checkpoint_sha256: 'c',
  as_trained: {
    ...run,
    mean_thoughts: 6,
    mean_text_tokens: 4,
    sd_text_tokens: 1,
    mean_total_tokens: 10,
  },
  zero_thoughts: null,
  shuffled_thoughts: null,
  cot_baseline: {
    checkpoint: 'riddles-cot',
    checkpoint_sha256: 'e',
    accuracy: 0.8,
    mean_text_tokens: 40.5,
    sd_text_tokens: 3,
    items: 10,
  },
};

function serve(engine = new FakeEngine({ text: 'Yes.' }), report: EvalReport | null = evalReport) {
  const { app } = fakeApp([fakeModel(engine, { evalReport: report })]);
  const exported = async () => await (await app.request('/metrics')).text();
  return { app, exported };
}

describe('the metrics', () => {
  it('carry their unit, end in _total where they count, and are all in docs/api.md', () => {
    const docs = readFileSync(new URL('../docs/api.md', import.meta.url), 'utf8');
    for (const name of metricNames) {
      expect(name).toMatch(/^coconut_[a-z_]+$/);
      expect(name).not.toMatch(/_(ms|milliseconds)$/);
      expect(docs, name).toContain(`\`${name}`);
    }
  });

  it('count a request once, with its tokens and thoughts', async () => {
    const { app, exported } = serve();
    await postChat(app, ask());
    await (await postChat(app, ask({ stream: true }))).text();
    const text = await exported();
    const labels =
      'model="fake/coconut",endpoint="chat.completions",status="200",finish_reason="stop"';
    expect(text).toContain(`coconut_requests_total{${labels}} 2`);
    expect(text).toContain('coconut_latent_thoughts_total{model="fake/coconut"} 12');
    expect(text).toContain('coconut_generation_tokens_total{model="fake/coconut"} 8');
    expect(text).toContain('coconut_prompt_tokens_total{model="fake/coconut"} 32');
    expect(text).toContain('coconut_time_to_first_token_seconds_count{model="fake/coconut"} 2');
    expect(text).toContain('coconut_request_latent_seconds_sum{model="fake/coconut"} 0.006');
  });

  it('count failures once: before the engine, in it, and while streaming', async () => {
    const failing = new FakeEngine({ text: 'Y' }, { fail: new Error('broken') });
    const { app, exported } = serve(failing);
    await postChat(app, ask({ top_p: 5 }));
    await postChat(app, ask());
    await (await postChat(app, ask({ stream: true }))).text();
    failing.refusal = queueFull;
    await postChat(app, ask());
    const text = await exported();
    const ends = (model: string, status: number) =>
      `coconut_requests_total{model="${model}",endpoint="chat.completions",status="${status}",finish_reason="error"}`;
    expect(text).toContain(`${ends('none', 400)} 1`);
    expect(text).toContain(`${ends('fake/coconut', 500)} 2`);
    expect(text).toContain(`${ends('none', 503)} 1`);
    expect(text).toContain('coconut_requests_rejected_total{reason="server_is_overloaded"} 1');
  });

  it('count each observation in the buckets from its own bound on', async () => {
    const { app, exported } = serve();
    await postChat(app, ask());
    const text = await exported();
    const buckets = (name: string) =>
      [
        ...text.matchAll(
          new RegExp(`^${name}_bucket{le="(.*?)",model="fake/coconut"} (\\d)$`, 'gm'),
        ),
      ]
        .map(([, bound, count]) => [bound, Number(count)])
        .reverse();
    // Of 2 ms and 4 ms.
    const prefill = Object.fromEntries(buckets('coconut_request_prefill_seconds'));
    expect(prefill).toMatchObject({ '0.001': 0, '0.005': 1, '0.01': 1, '10': 1, '+Inf': 1 });
    const seconds = '0.01 0.02 0.04 0.08 0.16 0.32 0.64 1.28 2.56 5.12 10.24 20.48 40.96 81.92';
    const decode = [...seconds.split(' '), '+Inf'].map((bound) => [bound, 1]);
    expect(buckets('coconut_request_decode_seconds').reverse()).toEqual(decode);
    expect(buckets('coconut_request_duration_seconds').map(([bound]) => bound)[1]).toBe('81.92');
  });

  it('have each gap between the text tokens of a stream, whoever holds its text back', async () => {
    const { app, exported } = serve(new FakeEngine({ text: '### Yes.' }));
    await postChat(app, ask({ n: 2, stop: ['zzzzzz'] }));
    const text = await exported();
    expect(text).toContain('coconut_inter_token_latency_seconds_count{model="fake/coconut"} 14');
  });

  it('count a request that a client sends again, before it is refused', async () => {
    const { app, exported } = serve();
    for (const count of ['1', '2', '0', 'many']) {
      await postChat(app, ask({ top_p: 5 }), { 'x-stainless-retry-count': count });
    }
    const text = await exported();
    expect(text).toContain('coconut_requests_retried_total{endpoint="chat.completions"} 2');
    expect(text).toContain('coconut_requests_retried_total{endpoint="completions"} 0');
  });

  it('say whether the server is ready', async () => {
    const engine = new FakeEngine({ text: 'Yes.' });
    const { exported } = serve(engine);
    expect(await exported()).toContain('coconut_ready 1');
    engine.state = 'restarting';
    expect(await exported()).toContain('coconut_ready 0');
  });

  it('never take a label from the caller', async () => {
    const { app, exported } = serve();
    await postChat(
      app,
      ask({ model: 'made-up-model', metadata: { baseline_task: 'made-up-task' } }),
    );
    await postChat(app, ask({ metadata: { baseline_task: 'made-up-task' } }));
    expect(await exported()).not.toContain('made-up');
  });
});

describe('the app of METRICS_PORT', () => {
  const metricsApp = (config: Parameters<typeof fakeApp>[1]) =>
    createMetricsApp(fakeApp([fakeModel(new FakeEngine())], { apiKeys: ['key'], ...config }).deps);

  it('tells the metrics without a key, and has nothing else', async () => {
    const app = metricsApp({});
    const response = await app.request('/metrics');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toContain('coconut_ready 1');
    for (const path of ['/healthz', '/v1/models', '/docs', '/openai/v1/models']) {
      expect([path, (await app.request(path)).status]).toEqual([path, 404]);
    }
    expect((await app.request('/metrics', { method: 'POST' })).status).toBe(405);
  });

  it('on loopback answers to loopback names only, keys or not', async () => {
    const at = (host: string) => metricsApp({ host }).request('http://evil.test/metrics');
    expect((await at('127.0.0.1')).status).toBe(403);
    expect((await at('0.0.0.0')).status).toBe(200);
  });
});

describe('the chain-of-thought baseline', () => {
  const baselined = ask({ metadata: { baseline_task: 'riddles' } });

  it('grows by its measured mean for requests that name its task', async () => {
    const { app, exported } = serve();
    await postChat(app, baselined);
    await postChat(app, baselined);
    await postChat(app, ask());
    const text = await exported();
    expect(text).toContain('coconut_cot_baseline_requests_total{baseline="riddles-cot"} 2');
    expect(text).toContain('coconut_cot_baseline_tokens_total{baseline="riddles-cot"} 81');
    expect(text).toContain('coconut_baselined_latent_thoughts_total{baseline="riddles-cot"} 12');
    expect(text).toContain('coconut_baselined_generation_tokens_total{baseline="riddles-cot"} 8');
    expect(text).toContain('coconut_latent_thoughts_total{model="fake/coconut"} 18');
  });

  it('stays empty where none was measured', async () => {
    const { app, exported } = serve(undefined, null);
    await postChat(app, baselined);
    expect(await exported()).not.toMatch(/coconut_cot_baseline_\w+\{/);
  });
});
