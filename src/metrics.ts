// Every metric the server exports, in one table; the unit is in the name. Times come from one
// process's monotonic clock, and TTFT starts when the request arrives.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

// OpenTelemetry's GenAI buckets, widened at the fast end for small models on a CPU.
const requestSeconds = Array.from({ length: 14 }, (_, i) => 0.01 * 2 ** i); // up to 81.92
const firstTokenSeconds = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
const perTokenSeconds = [
  0.0005, 0.002, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5,
];
const rows = [1, 2, 4, 8, 16, 32, 64];

const counter = (help: string, labels: string[]) => ({ kind: 'counter' as const, help, labels });
const gauge = (help: string, labels: string[]) => ({ kind: 'gauge' as const, help, labels });
const histogram = (help: string, labels: string[], buckets: number[]) => ({
  kind: 'histogram' as const,
  help,
  labels,
  buckets,
});

const table = {
  coconut_requests_total: counter('Requests for an answer, by how they ended', [
    'model',
    'endpoint',
    'status',
    'finish_reason',
  ]),
  coconut_requests_rejected_total: counter('Requests turned away for want of room', ['reason']),
  coconut_requests_cancelled_total: counter(
    'Requests whose caller left, or that were cut off at exit, by what they were doing',
    ['model', 'phase'],
  ),
  coconut_requests_retried_total: counter('Requests that a client says it sends again', [
    'endpoint',
  ]),
  coconut_request_duration_seconds: histogram('Arrival to last byte', ['model'], requestSeconds),
  coconut_time_to_first_token_seconds: histogram(
    'Arrival to first visible text, thoughts included',
    ['model'],
    firstTokenSeconds,
  ),
  coconut_time_per_output_token_seconds: histogram(
    'Mean gap between the text tokens of a request',
    ['model'],
    perTokenSeconds,
  ),
  coconut_inter_token_latency_seconds: histogram(
    'Each gap between two text tokens of a stream, as the API gets them from the engine',
    ['model'],
    perTokenSeconds,
  ),
  coconut_request_queue_seconds: histogram('Waiting for a slot', ['model'], firstTokenSeconds),
  coconut_request_prefill_seconds: histogram('Prefill', ['model'], firstTokenSeconds),
  coconut_request_latent_seconds: histogram('Thinking', ['model'], firstTokenSeconds),
  coconut_request_decode_seconds: histogram('Writing text', ['model'], requestSeconds),
  coconut_requests_running: gauge('Sequences in slots', ['model']),
  coconut_requests_waiting: gauge('Sequences that wait for a slot', ['model']),
  coconut_queue_capacity: gauge('Sequences that may wait for a slot', ['model']),
  coconut_batch_slots: gauge('Sequences that may share a batch', ['model']),
  coconut_batch_occupancy_ratio: gauge('Rows of the last engine step, of all slots; 0 when idle', [
    'model',
  ]),
  coconut_engine_step_seconds: histogram(
    'One engine step; phase is mixed where rows of several kinds shared it',
    ['model', 'phase'],
    perTokenSeconds,
  ),
  coconut_engine_steps_total: counter('Engine steps', ['model', 'phase']),
  coconut_batch_size: histogram('Rows of one engine step', ['model', 'phase'], rows),
  coconut_padding_positions_total: counter('Positions computed beyond the end of shorter rows', [
    'model',
  ]),
  coconut_engine_restarts_total: counter('Threads started in place of one that crashed', ['model']),
  coconut_kv_cache_usage_ratio: gauge('Positions in use, of all that the slots hold', ['model']),
  coconut_kv_cache_capacity_tokens: gauge('Positions that the slots hold', ['model']),
  coconut_prefix_cache_queries_tokens_total: counter('Prompt tokens looked up', ['model']),
  coconut_prefix_cache_hits_tokens_total: counter('Of these, found and not computed', ['model']),
  coconut_prompt_tokens_total: counter('Prompt tokens of answered requests', ['model']),
  coconut_generation_tokens_total: counter('Text tokens generated', ['model']),
  coconut_latent_thoughts_total: counter('Continuous thoughts computed', ['model']),
  coconut_cot_baseline_tokens_total: counter(
    'Text tokens that the measured chain-of-thought baseline spends on as many requests',
    ['baseline'],
  ),
  coconut_cot_baseline_requests_total: counter('Requests counted against a baseline', ['baseline']),
  coconut_baselined_latent_thoughts_total: counter('Thoughts of requests counted so', ['baseline']),
  coconut_baselined_generation_tokens_total: counter('Text tokens of requests counted so', [
    'baseline',
  ]),
  coconut_baseline_info: gauge('1 for each checkpoint that has one', [
    'baseline',
    'dataset',
    'method',
    'model',
  ]),
  coconut_baseline_tokens_mean: gauge('Mean text tokens of the baseline', ['baseline']),
  coconut_baseline_tokens_stddev: gauge('Standard deviation of the same', ['baseline']),
  coconut_baseline_accuracy_ratio: gauge(
    'Accuracy on the same items: cot is the baseline, coconut the model, zero-thoughts the model without them',
    ['baseline', 'model', 'system'],
  ),
  coconut_connections_refused_total: counter('Connections beyond MAX_CONNECTIONS', []),
  coconut_event_loop_turn_seconds: gauge(
    'Of the last 30 to 60 seconds the turn of the event loop that was longest by the clock, or by processor time',
    ['turn', 'part'],
  ),
  coconut_ready: gauge('1 while /readyz says 200', []),
  coconut_cold_start_seconds: gauge('Process start to the end of a phase, set once', ['phase']),
  coconut_model_load_seconds: gauge('Building the engine’s session', ['model']),
  coconut_device_info: gauge('1 for each loaded checkpoint; adapter is what is behind WebGPU', [
    'model',
    'device',
    'adapter',
  ]),
  coconut_build_info: gauge('1, with versions as labels', ['version', 'node', 'ort_version', 'ep']),
  coconut_model_info: gauge('1 for each served checkpoint', [
    'model',
    'checkpoint_sha',
    'quantization',
    'method',
    'thoughts',
  ]),
};

type Kinds = { counter: Counter; gauge: Gauge; histogram: Histogram };
type Name = keyof typeof table;

/** The registry and each metric under its exported name. */
export type Metrics = { registry: Registry } & {
  [N in Name]: Kinds[(typeof table)[N]['kind']];
};

export const metricNames = Object.keys(table) as Name[];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = metricNames.map((name) => {
    const spec = table[name];
    const common = { name, help: spec.help, labelNames: spec.labels, registers: [registry] };
    if (spec.kind === 'counter') return [name, new Counter(common)];
    if (spec.kind === 'gauge') return [name, new Gauge(common)];
    return [name, new Histogram({ ...common, buckets: spec.buckets })];
  });
  return { registry, ...Object.fromEntries(metrics) };
}
