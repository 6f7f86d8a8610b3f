// Passes an answer's events through and counts them: latency, tokens, thoughts, and what the
// measured chain-of-thought baseline would have spent.
import type { MiddlewareHandler } from 'hono';
import { ApiError, toApiError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { AnswerEvent } from './answer.ts';
import type { AppEnv } from './app-context.ts';
import type { ServedModel } from './served-model.ts';

/** The API's operations that generate text. */
export type Endpoint = 'chat.completions' | 'completions' | 'responses';

/** OpenAI's clients say how often they sent a request before. Counted before it can be refused. */
export function countRetries(metrics: Metrics, endpoint: Endpoint): MiddlewareHandler<AppEnv> {
  const { coconut_requests_retried_total: retried } = metrics;
  retried.inc({ endpoint }, 0);
  return async (c, next) => {
    if (Number(c.req.header('x-stainless-retry-count')) >= 1) retried.inc({ endpoint });
    await next();
  };
}

export type MeterOptions = {
  metrics: Metrics;
  log: Log;
  model: ServedModel;
  /** The API operation, from a fixed set: label values must stay few. */
  endpoint: Endpoint;
  /** The data set that the caller says this request's question is from. */
  baselineTask: string | undefined;
};

/** Each request is counted once: by how it finished, or as an error, or as an abort. */
export async function* metered(
  events: AsyncIterable<AnswerEvent>,
  options: MeterOptions,
): AsyncGenerator<AnswerEvent, void, undefined> {
  // What is left when the reader stops reading before the end.
  let end = { status: '503', finish_reason: 'abort' };
  let spent = {};
  try {
    for await (const event of events) {
      if (event.kind === 'finished') {
        spent = { ...event.usage, ms: Math.round(event.timings.totalMs) };
        end = { status: '200', finish_reason: event.reason };
        observe(event, options);
      }
      yield event;
    }
  } catch (error) {
    const aborted = error instanceof ApiError && error.code === 'request_aborted';
    const { status } = toApiError(error);
    end = { status: String(status), finish_reason: aborted ? 'abort' : 'error' };
    throw error;
  } finally {
    const { metrics, log, model, endpoint } = options;
    metrics.coconut_requests_total.inc({ model: model.id, endpoint, ...end });
    log.info({ model: model.id, endpoint, ...end, ...spent }, 'request ended');
  }
}

type Finished = Extract<AnswerEvent, { kind: 'finished' }>;

function observe({ usage, timings }: Finished, options: MeterOptions): void {
  const { metrics } = options;
  const model = { model: options.model.id };
  metrics.coconut_request_duration_seconds.observe(model, timings.totalMs / 1000);
  metrics.coconut_request_queue_seconds.observe(model, timings.queueMs / 1000);
  metrics.coconut_request_prefill_seconds.observe(model, timings.prefillMs / 1000);
  metrics.coconut_request_latent_seconds.observe(model, timings.latentMs / 1000);
  metrics.coconut_request_decode_seconds.observe(model, timings.decodeMs / 1000);
  const { firstTextMs, lastTextMs } = timings;
  if (firstTextMs !== null && lastTextMs !== null) {
    metrics.coconut_time_to_first_token_seconds.observe(model, firstTextMs / 1000);
    if (usage.textTokens > 1) {
      const gapMs = (lastTextMs - firstTextMs) / (usage.textTokens - 1);
      metrics.coconut_time_per_output_token_seconds.observe(model, gapMs / 1000);
    }
  }
  for (const gapMs of timings.tokenGapsMs) {
    metrics.coconut_inter_token_latency_seconds.observe(model, gapMs / 1000);
  }
  metrics.coconut_prefix_cache_queries_tokens_total.inc(model, usage.promptTokens);
  metrics.coconut_prefix_cache_hits_tokens_total.inc(model, usage.cachedTokens);
  metrics.coconut_prompt_tokens_total.inc(model, usage.promptTokens);
  metrics.coconut_generation_tokens_total.inc(model, usage.textTokens);
  metrics.coconut_latent_thoughts_total.inc(model, usage.thoughts);
  countBaseline(usage, options);
}

/**
 * Three counters that only grow, and no ready-made difference: savings can be negative. Counts
 * only where the checkpoint has a measured baseline and the caller names the task it is for.
 */
function countBaseline(usage: Finished['usage'], options: MeterOptions): void {
  const { metrics, baselineTask } = options;
  const report = options.model.evalReport;
  if (!report?.cot_baseline || report.data.name !== baselineTask) return;
  const baseline = { baseline: report.cot_baseline.checkpoint };
  metrics.coconut_cot_baseline_requests_total.inc(baseline);
  metrics.coconut_cot_baseline_tokens_total.inc(baseline, report.cot_baseline.mean_text_tokens);
  metrics.coconut_baselined_latent_thoughts_total.inc(baseline, usage.thoughts);
  metrics.coconut_baselined_generation_tokens_total.inc(baseline, usage.textTokens);
}
