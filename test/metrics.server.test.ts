// The metrics as a real Prometheus scrapes them over a real socket: what it counts is what the answers
// said, and every expression that is written down evaluates. Skipped where there is no Prometheus.
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parse } from 'yaml';
import { listen } from '../src/http-server.ts';
import { metricNames } from '../src/metrics.ts';
import { evalReportOf } from './support/eval-reports.ts';
import { ask, FakeEngine, fakeApp, fakeModel, queueFull } from './support/fake-engine.ts';
import { hasPrometheus, promtool, startPrometheus } from './support/prometheus.ts';

if (!hasPrometheus) {
  console.warn(
    'skipped: no prometheus and promtool on the PATH (Debian: apt-get install prometheus)',
  );
}

const apiKey = 'scrape-key';
const task = 'riddles';
const meanBaselineTokens = 40.5;
const evalReport = {
  ...evalReportOf('c'),
  data: { name: task, sha256: 'd', items: 10 },
  cot_baseline: {
    checkpoint: 'riddles-cot',
    checkpoint_sha256: 'e',
    accuracy: 0.8,
    mean_text_tokens: meanBaselineTokens,
    sd_text_tokens: 3,
    items: 10,
  },
};
const rules = 'deploy/observability/rules.yml';
type Rule = { record?: string; alert?: string; expr: string };
const allRules: Rule[] = parse(readFileSync(rules, 'utf8')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
);

async function serve() {
  const engine = new FakeEngine({ text: '### Yes.' });
  const model = fakeModel(engine, { evalReport });
  const { app, deps } = fakeApp([model], { apiKeys: [apiKey] });
  const server = await listen(app, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.destroy());
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` };
  const post = async (path: string, body: object) => {
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    return (await (await fetch(`${server.url}${path}`, init)).json()) as { usage: Usage };
  };
  const exported = async () => await (await fetch(`${server.url}/metrics`, { headers })).text();
  return { engine, deps, url: server.url, post, exported };
}

type Usage = {
  prompt_tokens: number;
  completion_tokens: number;
  completion_tokens_details: { reasoning_tokens: number };
};

describe.skipIf(!hasPrometheus)('a real Prometheus', () => {
  it('counts what the answers said', { timeout: 180_000 }, async () => {
    const { engine, url, post } = await serve();
    const { query, rules: evaluated } = await startPrometheus(url, apiKey);
    const usages: Usage[] = [];
    for (const extra of [{}, { latent_thoughts: 2 }, { n: 2 }, { max_tokens: 8 }]) {
      const metadata = { baseline_task: task };
      usages.push((await post('/v1/chat/completions', ask({ ...extra, metadata }))).usage);
    }
    usages.push(
      (await post('/v1/completions', { model: 'fake/coconut', prompt: ['a', 'b'] })).usage,
    );
    engine.refusal = queueFull;
    await post('/v1/chat/completions', ask());

    const sum = (of: (usage: Usage) => number, from = usages) =>
      from.reduce((total, usage) => total + of(usage), 0);
    const thoughtsOf = (usage: Usage) => usage.completion_tokens_details.reasoning_tokens;
    const textOf = (usage: Usage) => usage.completion_tokens - thoughtsOf(usage);
    const baselined = usages.slice(0, 4);
    const model = '{model="fake/coconut"}';
    const expected: Record<string, number> = {
      [`coconut_latent_thoughts_total${model}`]: sum(thoughtsOf),
      [`coconut_generation_tokens_total${model}`]: sum(textOf),
      [`coconut_prompt_tokens_total${model}`]: sum((usage) => usage.prompt_tokens),
      'sum(coconut_requests_total{status="200",endpoint="chat.completions"})': 4,
      'sum(coconut_requests_total{status="200",endpoint="completions"})': 2,
      'sum(coconut_requests_total{status="503"})': 1,
      'coconut_requests_rejected_total{reason="server_is_overloaded"}': 1,
      coconut_cot_baseline_requests_total: 4,
      [documentedSavings()]: 4 * meanBaselineTokens - sum((u) => u.completion_tokens, baselined),
      'up{job="coconut-serve"}': 1,
    };
    for (const [expression, value] of Object.entries(expected)) {
      const scraped = async () => expect(await query(expression)).toMatchObject([{ value }]);
      await vi.waitFor(scraped, { timeout: 60_000, interval: 250 });
    }
    for (const { expr } of [...allRules, ...panelQueries()]) await query(expr);
    const names = allRules.map(({ record, alert }) => record ?? alert ?? '');
    const allEvaluated = async () =>
      expect(await evaluated()).toEqual(Object.fromEntries(names.map((name) => [name, ''])));
    await vi.waitFor(allEvaluated, { timeout: 30_000, interval: 250 });
  });

  it('has nothing to say against the names, the rules and the configuration', async () => {
    const { post, exported } = await serve();
    await post('/v1/chat/completions', ask());
    const text = await exported();
    const lint = promtool(['check', 'metrics'], text).text.split('\n');
    expect(lint.filter((line) => line.startsWith('coconut_'))).toEqual([]);
    expect(promtool(['check', 'config', 'deploy/observability/prometheus.yml'])).toMatchObject({
      status: 0,
    });
    expect(promtool(['test', 'rules', 'deploy/observability/rules.test.yml'])).toMatchObject({
      status: 0,
    });
  });
});

it('every rule is of metrics that exist, and every alert has a test for and against it', async () => {
  const { deps } = await serve();
  const known = [...metricNames, ...deps.metrics.registry.getMetricsAsArray().map((m) => m.name)];
  for (const { expr } of allRules) {
    const named = expr.match(/\b(coconut|nodejs|process)_[a-z0-9_]+/g) ?? [];
    const base = named.map((name) => name.replace(/_(bucket|sum|count)$/, ''));
    const recorded = (name: string) => allRules.some(({ record }) => record?.includes(name));
    expect(base.filter((name) => !known.includes(name) && !recorded(name))).toEqual([]);
  }
  const tests = readFileSync('deploy/observability/rules.test.yml', 'utf8');
  for (const { alert } of allRules) {
    if (alert) expect(tests.match(new RegExp(`alertname: ${alert}\\b`, 'g'))).toHaveLength(2);
  }
});

/** The dashboard's expressions, with an interval in place of Grafana's variable. */
function panelQueries(): { expr: string }[] {
  const { panels } = JSON.parse(readFileSync('deploy/observability/dashboard.json', 'utf8'));
  return panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
    targets.map(({ expr }) => ({ expr: expr.replaceAll('$__rate_interval', '1m') })),
  );
}

/** The formula of docs/api.md, as it stands there. */
function documentedSavings(): string {
  const docs = readFileSync('docs/api.md', 'utf8');
  const formula = /Positions saved are then\n\n {4}(.+)\n/.exec(docs)?.[1];
  if (!formula) throw new Error('docs/api.md no longer says how positions saved are computed');
  return formula;
}
