// Runs a k6 script in Node, for CI: k6 itself is AGPL and never installed. Bundles the script as k6
// would, gives it stand-ins for the modules it imports and nothing of Node's, and drives its
// constant-arrival-rate scenarios. Its figures show that the script works; `npm run loadtest` measures.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { compileFunction, createContext } from 'node:vm';
import { build } from 'esbuild';
import { type MetricKind, MetricStore, type MetricSummary } from './k6-metrics.ts';

type Scenario = {
  executor: string;
  rate: number;
  timeUnit?: string;
  duration: string;
  preAllocatedVUs: number;
  maxVUs?: number;
};

type K6Script = {
  default: () => unknown;
  options: {
    scenarios: Record<string, Scenario>;
    thresholds?: Record<string, string[]>;
    summaryTrendStats?: string[];
  };
  handleSummary?: (data: object) => Record<string, string>;
};

export type K6Result = {
  /** Every threshold held. */
  passed: boolean;
  metrics: Record<string, MetricSummary>;
  /** What handleSummary wants written: `stdout`, `stderr` or a path → text. */
  outputs: Record<string, string>;
};

/** Throws if the script cannot be bundled, or throws itself in any iteration. */
export async function runK6(path: string, env: Record<string, string>): Promise<K6Result> {
  const store = new MetricStore();
  const script = await load(path, env, store);
  const started = performance.now();
  const scenarios = Object.entries(script.options.scenarios);
  const running = scenarios.map(([name, scenario]) => run(name, scenario, script.default, store));
  await Promise.all(running);
  const seconds = (performance.now() - started) / 1000;
  const { thresholds = {}, summaryTrendStats = ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)'] } =
    script.options;
  const metrics = store.summary(thresholds, summaryTrendStats, seconds);
  const results = Object.values(metrics).flatMap((metric) => Object.values(metric.thresholds));
  return {
    passed: results.every(({ ok }) => ok),
    metrics,
    outputs: script.handleSummary?.({ metrics }) ?? {},
  };
}

async function load(
  path: string,
  env: Record<string, string>,
  store: MetricStore,
): Promise<K6Script> {
  const bundle = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    format: 'cjs',
    target: 'es2023',
    external: ['k6', 'k6/*'],
    logLevel: 'silent',
  });
  const modules = k6Modules(store);
  const requireK6 = (name: string): object => {
    const found = modules[name];
    if (!found) throw new Error(`${path} imports "${name}", which the stand-in does not have`);
    return found;
  };
  const open = (file: string): string => readFileSync(resolve(dirname(path), file), 'utf8');
  const module = { exports: {} };
  const parameters = ['module', 'exports', 'require', 'open', '__ENV'];
  compileFunction(bundle.outputFiles[0]?.text ?? '', parameters, {
    filename: path,
    parsingContext: createContext({ console }),
  })(module, module.exports, requireK6, open, env);
  return module.exports as K6Script;
}

function k6Modules(store: MetricStore): Record<string, object> {
  const metricClass = (kind: MetricKind) =>
    class {
      readonly #name: string;
      constructor(name: string) {
        this.#name = name;
        store.metric(name, kind);
      }
      add(value: number | boolean): void {
        store.add(this.#name, kind, value);
      }
    };
  const check = <T>(value: T, checks: Record<string, (value: T) => unknown>): boolean => {
    const results = Object.values(checks).map((holds) => Boolean(holds(value)));
    for (const result of results) store.add('checks', 'rate', result);
    return results.every(Boolean);
  };
  // k6 makes a SharedArray once for all its VUs; here all VUs share one script.
  const SharedArray = function sharedArray(_name: string, make: () => unknown[]) {
    return Object.freeze(make());
  };
  // esbuild takes the module itself for the default import, as Node does with CommonJS.
  const http = { asyncRequest: requester(store) };
  return {
    k6: { check },
    'k6/data': { SharedArray },
    'k6/http': http,
    'k6/metrics': {
      Counter: metricClass('counter'),
      Rate: metricClass('rate'),
      Trend: metricClass('trend'),
    },
  };
}

type RequestParams = { headers?: Record<string, string>; timeout?: string };

/** As in k6, a request without a response has status 0 and an error instead of throwing. */
function requester(store: MetricStore) {
  return async (method: string, url: string, body: string | null, params: RequestParams = {}) => {
    const started = performance.now();
    const signal = AbortSignal.timeout(milliseconds(params.timeout ?? '60s'));
    const init = { method, body, signal, headers: params.headers ?? {} };
    const { status, text, error } = await fetch(url, init).then(
      async (response) => ({ status: response.status, text: await response.text(), error: '' }),
      (cause) => ({ status: 0, text: '', error: String(cause) }),
    );
    const durationMs = performance.now() - started;
    store.add('http_reqs', 'counter', 1);
    store.add('http_req_duration', 'trend', durationMs);
    store.add('http_req_failed', 'rate', status < 200 || status >= 400);
    const json = (): unknown => JSON.parse(text);
    return { status, error, body: text, json, timings: { duration: durationMs } };
  };
}

/** An open loop: iterations begin on time, or are dropped when all VUs are busy. */
async function run(
  name: string,
  scenario: Scenario,
  iteration: () => unknown,
  store: MetricStore,
): Promise<void> {
  if (scenario.executor !== 'constant-arrival-rate') {
    throw new Error(`scenario "${name}": the stand-in has no executor "${scenario.executor}"`);
  }
  const gapMs = milliseconds(scenario.timeUnit ?? '1s') / scenario.rate;
  const iterations = Math.floor(milliseconds(scenario.duration) / gapMs);
  const maxVUs = scenario.maxVUs ?? scenario.preAllocatedVUs;
  const busy = new Set<Promise<void>>();
  const failures: unknown[] = [];
  store.metric('dropped_iterations', 'counter');
  const started = performance.now();
  for (let index = 0; index < iterations && failures.length === 0; index++) {
    await delay(Math.max(0, started + index * gapMs - performance.now()));
    if (busy.size >= maxVUs) {
      store.add('dropped_iterations', 'counter', 1);
      continue;
    }
    store.add('iterations', 'counter', 1);
    const vu: Promise<void> = Promise.resolve()
      .then(iteration)
      .then(
        () => {},
        (error) => void failures.push(error),
      )
      .then(() => void busy.delete(vu));
    busy.add(vu);
  }
  await Promise.all(busy);
  if (failures.length > 0) throw failures[0];
}

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function milliseconds(duration: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(duration);
  if (!match) throw new Error(`cannot read duration "${duration}"`);
  return Number(match[1]) * (unitMs[match[2] as string] as number);
}
